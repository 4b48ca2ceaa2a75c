"""Processes that outlive what started them: found by the stack's id, which every process below it inherits."""

from __future__ import annotations

import psutil

STACK_VARIABLE = "NEWSREEL_STACK"
COMPONENT_VARIABLE = "NEWSREEL_STACK_COMPONENT"
_LONGEST_DEATH_S = 5.0


def strays(stack_id: str, component: str | None = None) -> list[psutil.Process]:
    """Living processes of a stack, or of one of its components; never this one."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            ended = process.status() == psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
        ours = environment.get(STACK_VARIABLE) == stack_id
        if (
            ours
            and not ended
            and component in (None, environment.get(COMPONENT_VARIABLE))
            and process.pid != _own()
        ):
            found.append(process)
    return found


def end_strays(stack_id: str, component: str | None = None) -> int:
    """Kill them and wait until they are gone; returns how many there were. What they start meanwhile is killed too."""
    total = 0
    while found := strays(stack_id, component):
        total += len(found)
        for process in found:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(found, timeout=_LONGEST_DEATH_S)
        if not all(_ended(process) for process in alive):
            break
    return total


def _ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _own() -> int:
    return psutil.Process().pid
