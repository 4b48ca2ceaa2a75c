"""The bytes of an upload on their way in: a file whose length is the offset, with digests taken as the bytes arrive.

Nothing else says how much is there, so what was acknowledged is there after any death of the process. Whoever writes
holds the file's lock (flock), which the kernel frees when they die.
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

REMEMBERED = 1_000
_READ_BYTES = 4 << 20


class BusyError(HTTPException):
    """Somebody else writes this upload: 423."""

    def __init__(self) -> None:
        super().__init__(
            HTTPStatus.LOCKED, "Somebody else writes this upload; try again shortly.", {"Retry-After": "1"}
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
    """Of the bytes before `offset`: of all of them, and of the last, unfinished chunk."""

    offset: int
    whole: _Hash | None
    """None where bytes came before that this process has not seen."""
    chunk: _Hash
    ready: list[ChunkDigest] = field(default_factory=list)
    """Chunks that are whole and not in the table yet."""

    def update(self, data: bytes | memoryview) -> None:
        """Take the bytes that follow into the chunks' digests. The whole file's is taken apart, in another thread."""
        view = memoryview(data)
        while view:
            taken = view[: CHUNK_BYTES - self.offset % CHUNK_BYTES]
            self.chunk.update(taken)
            self.offset += len(taken)
            view = view[len(taken) :]
            if self.offset % CHUNK_BYTES == 0:
                self._finish_chunk()

    def close(self) -> None:
        """The file ends here: the last chunk is shorter."""
        if self.offset % CHUNK_BYTES:
            self._finish_chunk()

    def copy(self) -> Digests:
        """The same, to go back to."""
        return Digests(self.offset, self.whole.copy() if self.whole else None, self.chunk.copy())

    def _finish_chunk(self) -> None:
        start = (self.offset - 1) // CHUNK_BYTES * CHUNK_BYTES
        index = start // CHUNK_BYTES
        self.ready.append(ChunkDigest(index, start, self.offset, self.chunk.hexdigest()))
        self.chunk = hashlib.sha256()


_known: dict[Path, Digests] = {}
"""Digests of uploads that this process has written: what follows needs no look at what came before."""


class UploadFile:
    """One upload's file, locked for one writer. Blocking: call it in a thread."""

    def __init__(self, path: Path) -> None:
        """Open and lock it, made where it is missing. Raises BusyError, StorageError."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = acquire_file_lock(path, wait=False)
        except BlockingIOError as error:
            raise BusyError() from error
        except OSError as error:
            raise StorageError.of(error) from error
        # A process that died in the middle of a body with a checksum has left bytes that were never checked.
        unchecked_from = _unchecked_from(path)
        if unchecked_from is not None:
            os.ftruncate(self._descriptor, unchecked_from)
            _note_of(path).unlink(missing_ok=True)
            _known.pop(path, None)
        self.offset = self._began_at = os.fstat(self._descriptor).st_size
        self._digests: Digests | None = None
        self._before: Digests | None = None

    def close(self) -> None:
        """Unlock it."""
        if self._digests is not None:
            if len(_known) >= REMEMBERED:
                _known.clear()
            _known[self.path] = self._digests
        os.close(self._descriptor)

    def prepare(self) -> None:
        """Be ready to go on: where this process has not written what is there, the unfinished chunk is read again."""
        known = _known.pop(self.path, None)
        if known is None or known.offset != self.offset:
            start = self.offset // CHUNK_BYTES * CHUNK_BYTES
            known = Digests(start, None if self.offset else hashlib.sha256(), hashlib.sha256())
            for block in self._blocks(start):
                known.update(block)
        self._digests = known
        self._before = known.copy()

    def share(self, checksum: Checksum | None) -> Checksum | None:
        """The checksum, taken from the whole file's digest where it is the same: SHA-256 of the first body."""
        assert self._digests is not None
        whole = self._digests.whole
        if checksum is None or checksum.algorithm != "sha256" or self.offset or whole is None:
            return checksum
        return replace(checksum, hash=whole)

    def digest(self, data: bytes, checksum: Checksum | None) -> None:
        """Take bytes into the digest of the whole file and into the checksum; `append` may write them meanwhile."""
        assert self._digests is not None
        whole = self._digests.whole
        if whole is not None:
            whole.update(data)
        if checksum is not None and checksum.hash is not whole:
            checksum.hash.update(data)

    def append(self, data: bytes) -> None:
        """Write bytes at the end. Raises StorageError; what fitted stays."""
        assert self._digests is not None
        view = memoryview(data)
        try:
            while view:
                written = os.pwrite(self._descriptor, view, self.offset)
                self.offset += written
                view = view[written:]
        except OSError as error:
            # A full disk may have taken a part: the digests are of what is there, the whole file's is taken at the end.
            self._digests.update(memoryview(data)[: len(data) - len(view)])
            self._digests.whole = None
            error.filename = str(self.path)
            raise StorageError.of(error) from error
        self._digests.update(data)

    def begin_check(self) -> None:
        """Note that what comes from here on is to be kept only once it adds up. Raises StorageError."""
        note = _note_of(self.path)
        try:
            with note.open("w") as file:
                file.write(str(self.offset))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError.of(error) from error

    def end_check(self) -> None:
        """It does, or it was taken back."""
        _note_of(self.path).unlink(missing_ok=True)

    @property
    def ready_digests(self) -> int:
        """How many `take_ready` would return."""
        return len(self._digests.ready) if self._digests else 0

    def take_ready(self) -> list[ChunkDigest]:
        """Digests of chunks that have become whole since the last time."""
        assert self._digests is not None
        ready, self._digests.ready = self._digests.ready, []
        return ready

    def go_back(self) -> None:
        """Keep nothing of what was appended."""
        assert self._before is not None
        os.ftruncate(self._descriptor, self._began_at)
        os.fdatasync(self._descriptor)
        self.offset, self._digests = self._began_at, self._before.copy()

    def sync(self) -> None:
        """All of it is on the disk when this returns."""
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise StorageError.of(error) from error

    def finish(self) -> tuple[str, list[ChunkDigest]]:
        """SHA-256 of the whole file, and digests of its last chunks."""
        if self._digests is None:
            self.prepare()
        assert self._digests is not None
        self._digests.close()
        whole = self._digests.whole
        if whole is None:
            whole = hashlib.sha256()
            for block in self._blocks(0):
                whole.update(block)
        return whole.hexdigest(), self.take_ready()

    def digests_of(self, chunks: Sequence[int]) -> list[ChunkDigest]:
        """Digests of chunks, read again from the file: a process that died had taken their bytes, and told nobody."""
        found = []
        for index in chunks:
            start = index * CHUNK_BYTES
            data = os.pread(self._descriptor, CHUNK_BYTES, start)
            found.append(ChunkDigest(index, start, start + len(data), hashlib.sha256(data).hexdigest()))
        return found

    def forget(self) -> None:
        """The file is not needed any more."""
        self._digests = None
        _known.pop(self.path, None)
        self.end_check()
        self.path.unlink(missing_ok=True)

    def _blocks(self, at: int) -> Iterator[bytes]:
        while at < self.offset:
            block = os.pread(self._descriptor, min(_READ_BYTES, self.offset - at), at)
            if not block:
                return
            at += len(block)
            yield block


def size_of(path: Path) -> int:
    """How much of an upload is there; 0 before its first byte. Bytes that are still to be checked do not count."""
    unchecked_from = _unchecked_from(path)
    if unchecked_from is not None:
        return unchecked_from
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _note_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.unchecked")


def _unchecked_from(path: Path) -> int | None:
    """The offset from which bytes are not checked yet; a note without a number was never begun with."""
    try:
        text = _note_of(path).read_text()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() else None
