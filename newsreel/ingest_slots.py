"""How many ingests of one HOME are at work at once; the others wait in front of the gate, each a small process.

A place is a `flock`, which the kernel frees when its holder dies. Those who wait queue for the turnstile; whoever is in
it takes the next place that falls free.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SLOTS = 4
"""As many as `ingest_video` has runs at once (dags/ingest_video.py)."""
STRIPES = 64
_POLL_S = 0.1

Say = Callable[[str], None]


@contextmanager
def ingest_slot(home: Path, say: Say) -> Iterator[None]:
    """One of the places, for as long as the block runs; waits for it."""
    folder = _folder(home)
    with _opened(folder / "turnstile.lock") as turnstile:
        if not _locked(turnstile):
            say(f"{SLOTS} ingests or more are at work; waiting")
            fcntl.flock(turnstile, fcntl.LOCK_EX)
        place = _place(folder)
    try:
        yield
    finally:
        os.close(place)


@contextmanager
def video_lock(home: Path, video_id: str, say: Say) -> Iterator[None]:
    """Nobody else runs this video's DAG without a stack while the block runs; waits for it.

    Videos share a fixed number of locks, so that no file is left for each video.
    """
    stripe = int(hashlib.sha256(video_id.encode()).hexdigest(), 16) % STRIPES
    with _opened(_folder(home) / f"video-{stripe}.lock") as lock:
        if not _locked(lock):
            say(f"another ingest of video {video_id} is at work; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _place(folder: Path) -> int:
    while True:
        for number in range(SLOTS):
            place = os.open(folder / f"place-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _locked(place):
                return place
            os.close(place)
        time.sleep(_POLL_S)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _folder(home: Path) -> Path:
    folder = home / "gate"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
