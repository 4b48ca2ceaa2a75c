"""Ingest slots: limit on the ingests of one HOME that work at a time; the others wait, each a small process.

A slot is a `flock`, which the kernel releases when its holder dies. Waiting ingests queue for the turnstile; the one
that holds it takes the next free slot.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from schemas.dags import CONCURRENT_INGESTS
from stores.files import acquire_file_lock

STRIPES = 64
_POLL_S = 0.1

Say = Callable[[str], None]


@contextmanager
def ingest_slot(home: Path, say: Say) -> Iterator[None]:
    """Hold one of the slots for the block; waits for it."""
    folder = _make_folder(home)
    turnstile = _acquire(
        folder / "turnstile.lock", lambda: say(f"{CONCURRENT_INGESTS} ingests or more are running; waiting")
    )
    try:
        slot = _acquire_slot(folder)
    finally:
        os.close(turnstile)
    try:
        yield
    finally:
        os.close(slot)


@contextmanager
def video_lock(home: Path, video_id: str, say: Say) -> Iterator[None]:
    """Be the only process that runs this video's DAG without a stack, for the block; waits for it.

    Videos share a fixed number of locks, so that no file is left for each video.
    """
    stripe = int(hashlib.sha256(video_id.encode()).hexdigest(), 16) % STRIPES
    lock = _acquire(
        _make_folder(home) / f"video-{stripe}.lock",
        lambda: say(f"another ingest of video {video_id} is running; waiting for it"),
    )
    try:
        yield
    finally:
        os.close(lock)


def _acquire_slot(folder: Path) -> int:
    while True:
        for number in range(CONCURRENT_INGESTS):
            with suppress(BlockingIOError):
                return acquire_file_lock(folder / f"slot-{number}.lock", wait=False)
        time.sleep(_POLL_S)


def _acquire(path: Path, on_wait: Callable[[], None]) -> int:
    try:
        return acquire_file_lock(path, wait=False)
    except BlockingIOError:
        on_wait()
        return acquire_file_lock(path)


def _make_folder(home: Path) -> Path:
    folder = home / "ingest_slots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
