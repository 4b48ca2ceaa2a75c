"""Free space of disks: a floor below which nothing large is begun, so that PostgreSQL and deletes always have room.

Tests: tests/stores/test_free_space.py.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from schemas.errors import StorageError
from schemas.settings import settings

GIB = 1 << 30
PROBE_BYTES = 4096


def measure_free_bytes(path: Path) -> int:
    """Bytes that this user can still write to the disk of a path; of its first existing parent if it is missing."""
    while not path.exists():
        path = path.parent
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def require_free_space(path: Path, planned_bytes: int = 0) -> None:
    """Refuse to begin where writing so many bytes would leave less than the floor. Raises StorageError."""
    free_bytes, floor_bytes = measure_free_bytes(path), settings().free_space_bytes
    if floor_bytes and free_bytes - planned_bytes < floor_bytes:
        need = f", {planned_bytes / GIB:.1f} GiB are to be written" if planned_bytes else ""
        raise StorageError(
            f"{path}: its disk has {free_bytes / GIB:.1f} GiB free{need}, and {floor_bytes / GIB:.1f} GiB have to stay "
            "free (NEWSREEL_FREE_SPACE_BYTES); free some space and try again"
        )


def require_working_space() -> None:
    """`require_free_space` for the disks of the lake and of the media store, where they are local."""
    for uri in (settings().lake_uri, settings().media_uri):
        parts = urlsplit(uri)
        if parts.scheme == "file":
            require_free_space(Path(unquote(parts.path)))


def try_write(folder: Path) -> None:
    """Write some bytes to a file without a name in a folder, which is created. Raises StorageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(bytes(PROBE_BYTES))
    except OSError as error:
        error.filename = error.filename or str(folder)
        raise StorageError.from_os_error(error) from error
