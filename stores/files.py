"""Atomic replacement of files, and locks between processes on files."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE = 0o600


@contextmanager
def atomic_replacement(path: Path, *, sync: bool = False) -> Iterator[Path]:
    """A draft beside `path`, for the block to write: it replaces `path` at the end, and is removed if the block fails.

    The draft keeps the suffix. `sync`: have the disk hold its bytes first, so that a power cut leaves the old file or
    the whole new one.
    """
    draft = path.with_name(f".{os.getpid()}-{secrets.token_hex(4)}-{path.name}")
    try:
        yield draft
        if sync:
            _sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_atomically(path: Path, data: str | bytes, *, mode: int = 0o666, sync: bool = False) -> None:
    """Write a file as a whole: a reader sees the old content or the new one. `mode` as for open(2), less the umask."""
    with atomic_replacement(path, sync=sync) as draft:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def file_lock(path: Path, *, exclusive: bool = True, wait: bool = True) -> Iterator[None]:
    """Hold the lock on a file for the block; see `acquire_file_lock`."""
    descriptor = acquire_file_lock(path, exclusive=exclusive, wait=wait)
    try:
        yield
    finally:
        os.close(descriptor)


def acquire_file_lock(path: Path, *, exclusive: bool = True, wait: bool = True) -> int:
    """Lock a file (flock(2)), created with mode 0600 if missing; returns its descriptor, whose close releases the lock.

    The kernel releases it when its holder dies. Raises BlockingIOError without `wait` where another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
