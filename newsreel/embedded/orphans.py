"""Processes that outlive what started them: found by the stack's id, which every process below it inherits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import psutil

STACK_VARIABLE = "NEWSREEL_STACK"
COMPONENT_VARIABLE = "NEWSREEL_STACK_COMPONENT"
VIDEO_VARIABLE = "NEWSREEL_RUN_OF_VIDEO"
"""The video that a run without a stack is about."""
_LONGEST_DEATH_S = 5.0


def find_orphans(stack_id: str, component: str | None = None) -> list[psutil.Process]:
    """Living processes of a stack, or of one of its components; never this one."""
    marks = {STACK_VARIABLE: stack_id}
    return find_marked_processes(marks if component is None else {**marks, COMPONENT_VARIABLE: component})


def kill_orphans(stack_id: str, component: str | None = None) -> int:
    """Kill them and wait until they are gone; returns how many there were. What they start meanwhile is killed too."""
    return kill_all(lambda: find_orphans(stack_id, component))


def find_marked_processes(marks: Mapping[str, str]) -> list[psutil.Process]:
    """Living processes whose environment holds all of the marks; never this one."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            ended = process.status() == psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
        ours = all(environment.get(name) == value for name, value in marks.items())
        if ours and not ended and process.pid != _own():
            found.append(process)
    return found


def find_stage_processes(home: Path, video_id: str) -> list[psutil.Process]:
    """Living stage programs that work on a video of this HOME, and what holds them."""
    found = []
    for process in find_marked_processes({"NEWSREEL_HOME": str(home)}):
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if ("--video-id", video_id) in pairwise(words):
            found.append(process)
    return found


def kill_all(look: Callable[[], list[psutil.Process]]) -> int:
    """Kill what `look` finds until it finds nothing; returns how many there were."""
    total = 0
    while found := look():
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
