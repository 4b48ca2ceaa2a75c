"""How many ingests of one HOME are at work at once; the others wait in front of the gate, each a small process.

A place is a `flock`, which the kernel frees when its holder dies. Those who wait queue for the turnstile; whoever is in
it takes the next place that falls free.
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
    """One of the places, for as long as the block runs; waits for it."""
    folder = _folder(home)
    turnstile = _acquire(
        folder / "turnstile.lock", lambda: say(f"{CONCURRENT_INGESTS} ingests or more are at work; waiting")
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
    """Nobody else runs this video's DAG without a stack while the block runs; waits for it.

    Videos share a fixed number of locks, so that no file is left for each video.
    """
    stripe = int(hashlib.sha256(video_id.encode()).hexdigest(), 16) % STRIPES
    lock = _acquire(
        _folder(home) / f"video-{stripe}.lock",
        lambda: say(f"another ingest of video {video_id} is at work; waiting for it"),
    )
    try:
        yield
    finally:
        os.close(lock)


def _acquire_slot(folder: Path) -> int:
    while True:
        for number in range(CONCURRENT_INGESTS):
            with suppress(BlockingIOError):
                return acquire_file_lock(folder / f"place-{number}.lock", wait=False)
        time.sleep(_POLL_S)


def _acquire(path: Path, on_wait: Callable[[], None]) -> int:
    try:
        return acquire_file_lock(path, wait=False)
    except BlockingIOError:
        on_wait()
        return acquire_file_lock(path)


def _folder(home: Path) -> Path:
    folder = home / "gate"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
