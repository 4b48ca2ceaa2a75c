"""Orphans, processes that outlive what started them: found by marks in the environment, which children inherit.

Tests: tests/newsreel/embedded/test_stack.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import psutil

STACK_VARIABLE = "NEWSREEL_STACK"
COMPONENT_VARIABLE = "NEWSREEL_STACK_COMPONENT"
VIDEO_VARIABLE = "NEWSREEL_RUN_OF_VIDEO"
"""Video of a run without a stack."""
_KILL_TIMEOUT_S = 5.0


def find_orphans(stack_id: str, component: str | None = None) -> list[psutil.Process]:
    """Find the living processes of a stack, or of one of its components; never this one."""
    marks = {STACK_VARIABLE: stack_id}
    return find_marked_processes(marks if component is None else {**marks, COMPONENT_VARIABLE: component})


def kill_orphans(stack_id: str, component: str | None = None) -> int:
    """Kill them, and what they start meanwhile, and wait for their end; returns the number of processes."""
    return kill_all(lambda: find_orphans(stack_id, component))


def find_marked_processes(marks: Mapping[str, str]) -> list[psutil.Process]:
    """Find the living processes whose environment holds all of the marks; never this one."""
    wanted = {f"{name}={value}".encode() for name, value in marks.items()}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # Not psutil's `environ()`: it takes a millisecond for each process of the machine.
            marked = wanted <= set((folder / "environ").read_bytes().split(b"\0"))
            if marked and int(folder.name) != os.getpid():
                process = psutil.Process(int(folder.name))
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        except (OSError, psutil.Error):
            continue
    return found


def find_stage_processes(home: Path, video_id: str) -> list[psutil.Process]:
    """Find the living stage programs of a video of this HOME, and the processes that wait for them."""
    found = []
    for process in find_marked_processes({"NEWSREEL_HOME": str(home)}):
        try:
            arguments = process.cmdline()
        except psutil.Error:
            continue
        if ("--video-id", video_id) in pairwise(arguments):
            found.append(process)
    return found


def kill_all(find: Callable[[], list[psutil.Process]]) -> int:
    """Kill the processes that `find` returns until it returns none; returns the number of processes."""
    total = 0
    while found := find():
        total += len(found)
        for process in found:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(found, timeout=_KILL_TIMEOUT_S)
        if not all(_has_ended(process) for process in alive):
            break
    return total


def _has_ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
