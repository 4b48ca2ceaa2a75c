"""File of an upload in progress: its length is the offset, and it is digested as bytes arrive.

Nothing else records the offset, so acknowledged bytes survive any crash of the process. The writer holds the file's
lock (flock), which the kernel releases when the process dies.
Tests: tests/streaming/api/uploads/test_uploads.py, tests/streaming/api/uploads/test_writer.py.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import HTTPException

from schemas.errors import StorageError
from schemas.tables.uploads import CHUNK_BYTES
from stores.files import acquire_file_lock
from streaming.api.uploads.fields import Checksum

if TYPE_CHECKING:
    from hashlib import _Hash

CACHED_DIGESTS = 1_000
_READ_BYTES = 4 << 20


class BusyError(HTTPException):
    """Another request writes this upload: 423."""

    def __init__(self) -> None:
        super().__init__(
            HTTPStatus.LOCKED, "Another request writes this upload; retry shortly.", {"Retry-After": "1"}
        )


@dataclass
class ChunkDigest:
    """SHA-256 of one range of bytes."""

    chunk_index: int
    byte_start: int
    byte_end: int
    sha256: str


@dataclass
class Digests:
    """Digests of the bytes before `offset`: of all, and of the last, incomplete chunk."""

    offset: int
    whole: _Hash | None
    """None if an earlier process received some of the bytes."""
    chunk: _Hash
    ready: list[ChunkDigest] = field(default_factory=list)
    """Complete chunks that are not in the table yet."""

    def update(self, data: bytes | memoryview) -> None:
        """Add bytes to the chunks' digests; `UploadFile.digest` updates the whole file's, in another thread."""
        view = memoryview(data)
        while view:
            part = view[: CHUNK_BYTES - self.offset % CHUNK_BYTES]
            self.chunk.update(part)
            self.offset += len(part)
            view = view[len(part) :]
            if self.offset % CHUNK_BYTES == 0:
                self._finish_chunk()

    def close(self) -> None:
        """Finish the last, shorter chunk: the file is complete."""
        if self.offset % CHUNK_BYTES:
            self._finish_chunk()

    def copy(self) -> Digests:
        """A copy to roll back to."""
        return Digests(self.offset, self.whole.copy() if self.whole else None, self.chunk.copy())

    def _finish_chunk(self) -> None:
        start = (self.offset - 1) // CHUNK_BYTES * CHUNK_BYTES
        index = start // CHUNK_BYTES
        self.ready.append(ChunkDigest(index, start, self.offset, self.chunk.hexdigest()))
        self.chunk = hashlib.sha256()


_cache: dict[Path, Digests] = {}
"""Digests of uploads that this process wrote: it can go on without rereading the bytes before."""


class UploadFile:
    """An upload's file, locked for one writer. Blocking: call it in a thread."""

    def __init__(self, path: Path) -> None:
        """Open and lock it; created if missing. Raises BusyError, StorageError."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = acquire_file_lock(path, wait=False)
        except BlockingIOError as error:
            raise BusyError() from error
        except OSError as error:
            raise StorageError.from_os_error(error) from error
        # A process that died within a body with a checksum left unverified bytes.
        unverified_from = _read_marker(path)
        if unverified_from is not None:
            os.ftruncate(self._descriptor, unverified_from)
            _find_marker(path).unlink(missing_ok=True)
            _cache.pop(path, None)
        self.offset = self._began_at = os.fstat(self._descriptor).st_size
        self._digests: Digests | None = None
        self._before: Digests | None = None

    def close(self) -> None:
        """Unlock it; its digests stay cached."""
        if self._digests is not None:
            if len(_cache) >= CACHED_DIGESTS:
                _cache.clear()
            _cache[self.path] = self._digests
        os.close(self._descriptor)

    def prepare(self) -> None:
        """Prepare the digests for more bytes; rereads the incomplete chunk unless this process wrote it."""
        digests = _cache.pop(self.path, None)
        if digests is None or digests.offset != self.offset:
            start = self.offset // CHUNK_BYTES * CHUNK_BYTES
            digests = Digests(start, None if self.offset else hashlib.sha256(), hashlib.sha256())
            for block in self._read_blocks(start):
                digests.update(block)
        self._digests = digests
        self._before = digests.copy()

    def share(self, checksum: Checksum | None) -> Checksum | None:
        """The checksum, sharing the whole file's digest if both are the same: SHA-256 of the first body."""
        assert self._digests is not None
        whole = self._digests.whole
        if checksum is None or checksum.algorithm != "sha256" or self.offset or whole is None:
            return checksum
        return replace(checksum, hash=whole)

    def digest(self, data: bytes, checksum: Checksum | None) -> None:
        """Add bytes to the whole file's digest and to the checksum; `append` may write them concurrently."""
        assert self._digests is not None
        whole = self._digests.whole
        if whole is not None:
            whole.update(data)
        if checksum is not None and checksum.hash is not whole:
            checksum.hash.update(data)

    def append(self, data: bytes) -> None:
        """Write bytes at the end. Raises StorageError; bytes written before it stay."""
        assert self._digests is not None
        view = memoryview(data)
        try:
            while view:
                written = os.pwrite(self._descriptor, view, self.offset)
                self.offset += written
                view = view[written:]
        except OSError as error:
            # A full disk may have stored a part: digest that part; the whole file is digested at the end.
            self._digests.update(memoryview(data)[: len(data) - len(view)])
            self._digests.whole = None
            error.filename = str(self.path)
            raise StorageError.from_os_error(error) from error
        self._digests.update(data)

    def begin_check(self) -> None:
        """Mark the bytes from here on as unverified, until `end_check`. Raises StorageError."""
        marker = _find_marker(self.path)
        try:
            with marker.open("w") as file:
                file.write(str(self.offset))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError.from_os_error(error) from error

    def end_check(self) -> None:
        """Remove the mark: the bytes were verified or rolled back."""
        _find_marker(self.path).unlink(missing_ok=True)

    @property
    def ready_digests(self) -> int:
        """Number of digests that `take_ready` would return."""
        return len(self._digests.ready) if self._digests else 0

    def take_ready(self) -> list[ChunkDigest]:
        """Remove and return the digests of chunks completed since the last call."""
        assert self._digests is not None
        ready, self._digests.ready = self._digests.ready, []
        return ready

    def roll_back(self) -> None:
        """Discard what was appended since it was opened."""
        assert self._before is not None
        os.ftruncate(self._descriptor, self._began_at)
        os.fdatasync(self._descriptor)
        self.offset, self._digests = self._began_at, self._before.copy()

    def sync(self) -> None:
        """Flush it to disk (fdatasync). Raises StorageError."""
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise StorageError.from_os_error(error) from error

    def finish(self) -> tuple[str, list[ChunkDigest]]:
        """SHA-256 of the whole file, and the digests of its last chunks."""
        if self._digests is None:
            self.prepare()
        assert self._digests is not None
        self._digests.close()
        whole = self._digests.whole
        if whole is None:
            whole = hashlib.sha256()
            for block in self._read_blocks(0):
                whole.update(block)
        return whole.hexdigest(), self.take_ready()

    def compute_digests(self, chunks: Sequence[int]) -> list[ChunkDigest]:
        """Digests of chunks, reread from the file: a process that died had not recorded them."""
        digests = []
        for index in chunks:
            start = index * CHUNK_BYTES
            data = os.pread(self._descriptor, CHUNK_BYTES, start)
            digests.append(ChunkDigest(index, start, start + len(data), hashlib.sha256(data).hexdigest()))
        return digests

    def delete(self) -> None:
        """Delete the file."""
        self._digests = None
        _cache.pop(self.path, None)
        self.end_check()
        self.path.unlink(missing_ok=True)

    def _read_blocks(self, start: int) -> Iterator[bytes]:
        while start < self.offset:
            block = os.pread(self._descriptor, min(_READ_BYTES, self.offset - start), start)
            if not block:
                return
            start += len(block)
            yield block


def find_offset(path: Path) -> int:
    """Offset of an upload: the verified bytes of its file; 0 without a file."""
    unverified_from = _read_marker(path)
    if unverified_from is not None:
        return unverified_from
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _find_marker(path: Path) -> Path:
    return path.with_name(f"{path.name}.unchecked")


def _read_marker(path: Path) -> int | None:
    """The offset from which bytes are unverified; None without a mark, or with an empty one: no byte followed it."""
    try:
        text = _find_marker(path).read_text()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() else None
