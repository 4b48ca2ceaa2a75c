"""Media store: content-addressed, immutable sources, chunk results, packages and thumbnails.

Nothing has its final name before it is complete: everything is written to a private staging folder on the same file
system, synced, and renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from schemas.errors import InputError, NotFoundError, StorageError
from schemas.settings import settings
from stores.free_space import require_free_space

READ_BYTES = 1 << 20
DIGEST = re.compile(r"[0-9a-f]{64}")
THUMBNAIL = re.compile(r"[0-9a-f]{64}\.jpg")


@dataclass(frozen=True)
class Source:
    """One source file in the store."""

    sha256: str
    size_bytes: int
    path: Path


class MediaStore:
    """A folder of content-addressed media. Paths consist of digests alone, never of user input."""

    def __init__(self, root: Path) -> None:
        """`root`: the store's folder, created by the first write."""
        self.root = root

    def add_source(self, path: Path) -> Source:
        """Copy a file into the store, under its SHA-256, in one read.

        Raises InputError if it cannot be read, or changes meanwhile; StorageError if the disk is too full.
        """
        require_free_space(self.root, path.stat().st_size if path.is_file() else 0)
        with self.staging() as folder:
            copy = folder / "source"
            sha256, size = _copy(path, copy)
            final = self._locate("sources", sha256)
            if not final.exists():
                _move(copy, final)
        return Source(sha256, size, final)

    def adopt_source(self, path: Path, sha256: str) -> Source:
        """Link a file on the store's file system into the store, as the source with this digest.

        The caller removes the first name. Raises StorageError.
        """
        final = self._locate("sources", _check_digest(sha256))
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.link(path, final)
            _sync(final)
            _sync(final.parent)
        except OSError as error:
            raise StorageError.from_os_error(error) from error
        return Source(sha256, final.stat().st_size, final)

    def source_path(self, sha256: str) -> Path:
        """The path of a source. Raises NotFoundError."""
        return self._require(self._locate("sources", _check_digest(sha256)), f"source {sha256}")

    @staticmethod
    def key(inputs: Mapping[str, Any]) -> str:
        """The key of a result: SHA-256 of all its inputs, as canonical JSON."""
        canonical = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def find_result(self, key: str, suffix: str = "") -> Path | None:
        """A cached result, or None."""
        path = self._locate("kept", _check_digest(key), suffix)
        return path if path.exists() else None

    @contextmanager
    def keep(self, key: str, suffix: str = "") -> Iterator[Path]:
        """A path for a result; it is cached under `key` when the block succeeds, and discarded when it fails."""
        with self.staging() as folder:
            path = folder / f"result{suffix}"
            yield path
            _move(path, self._locate("kept", _check_digest(key), suffix))

    def publish_package(self, folder: Path) -> str:
        """Move a finished package into the store; returns its digest, of its files' names and contents."""
        digest = folder_digest(folder)
        final = self.root / "packages" / digest
        if final.exists():
            shutil.rmtree(folder)
        else:
            _move(folder, final)
        return digest

    def package_path(self, digest: str) -> Path:
        """The folder of a published package. Raises NotFoundError."""
        return self._require(self.root / "packages" / _check_digest(digest), f"package {digest}")

    def publish_thumbnail(self, path: Path) -> str:
        """Copy a JPEG into the store; returns the name under which it is served."""
        name = f"{file_digest(path)}.jpg"
        final = self.root / "thumbnails" / name
        if not final.exists():
            with self.staging() as folder:
                _move(Path(shutil.copyfile(path, folder / name)), final)
        return name

    def thumbnail_path(self, name: str) -> Path:
        """The path of a thumbnail. Raises NotFoundError."""
        if not THUMBNAIL.fullmatch(name):
            raise NotFoundError(f"no thumbnail {name!r}")
        return self._require(self.root / "thumbnails" / name, f"thumbnail {name}")

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A private folder on the store's file system, removed after the block.

        Its name contains the id of its process, so that the next call removes the folders of killed processes.
        """
        parent = self.root / "staging"
        parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(parent)
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=parent))
        try:
            yield folder
        except OSError as error:
            error.filename = error.filename or str(self.root)  # ENOSPC names no file
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _locate(self, kind: str, digest: str, suffix: str = "") -> Path:
        return self.root / kind / digest[:2] / f"{digest}{suffix}"

    def _require(self, path: Path, what: str) -> Path:
        if not path.exists():
            raise NotFoundError(f"{what} is not in the media store {self.root}")
        return path


def media() -> MediaStore:
    """The media store of this process's settings."""
    return MediaStore(settings().media_path)


def check_readable(path: Path) -> None:
    """Raise InputError unless a path is a readable file. Cheap: for checks before any work starts."""
    with _open(path):
        return


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(folder: Path) -> str:
    """SHA-256 over the sorted relative names and contents of a folder's files, hex."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder).as_posix()}\0{file_digest(path)}\n".encode())
    return digest.hexdigest()


def _copy(path: Path, copy: Path) -> tuple[str, int]:
    """Copy a file; returns its SHA-256 and size. Raises InputError if it cannot be read, or changes meanwhile."""
    digest, size = hashlib.sha256(), 0
    with _open(path) as incoming, copy.open("wb") as outgoing:
        before = os.fstat(incoming.fileno())
        while block := _read(incoming, path):
            digest.update(block)
            outgoing.write(block)
            size += len(block)
        after = os.fstat(incoming.fileno())
    if size != before.st_size or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InputError(f"{path}: changed while it was read; try again when no process writes to it")
    return digest.hexdigest(), size


def _open(path: Path) -> IO[bytes]:
    """Open a regular file. A pipe or a device is rejected unopened: reading it could block forever."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: not a regular file (but a folder, pipe or device)")
        return path.open("rb")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _read(incoming: IO[bytes], path: Path) -> bytes:
    try:
        return incoming.read(READ_BYTES)
    except OSError as error:
        raise InputError(f"{path}: reading failed: {error.strerror}; try again") from error


def _check_digest(text: str) -> str:
    if not DIGEST.fullmatch(text):
        raise NotFoundError(f"{text!r} is not a digest of 64 hex digits")
    return text


def _move(path: Path, final: Path) -> None:
    """Sync and rename into place, so that a power cut leaves all of it or nothing."""
    final.parent.mkdir(parents=True, exist_ok=True)
    for file in [path] if path.is_file() else path.rglob("*"):
        _sync(file)
    _sync(path)
    try:
        path.rename(final)
    except OSError as error:
        if not final.is_dir():
            raise StorageError.from_os_error(error) from error
    _sync(final.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.iterdir():
        pid = folder.name.partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)
