"""Digest manifest of a file, recorded while it is intact, and its differences from a later state of the file.

Every changed byte is found, also those that no decoder notices: padding, indexes, bit flips that still decode.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.progress import OnProgress
from pipelines.source import faults
from pipelines.source.probe import measure_readable
from schemas.errors import InputError
from stores.files import write_atomically

CHUNK_BYTES = 64 << 10
"""Fine enough to locate damage to the second; the manifest is a thousandth of the file's size."""
LARGEST_CHUNK_BYTES = 1 << 20
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Manifest:
    """Recorded digests of a file. `digests`: SHA-256 of each `chunk_bytes` in order; the last chunk may be shorter."""

    file: str
    size_bytes: int
    sha256: str
    chunk_bytes: int
    digests: tuple[str, ...]

    def as_document(self) -> dict[str, Any]:
        """As `newsreel digest --json` prints it."""
        return {**asdict(self), "digests": list(self.digests)}


@dataclass(frozen=True)
class Difference:
    """Half-open byte range of the recorded file that differs; `kind` as in `pipelines.source.faults`."""

    kind: str
    byte_start: int
    byte_end: int


def digest_file(path: Path, on_progress: OnProgress | None = None) -> Manifest:
    """Digest any file in one read. Raises InputError if it cannot be read."""
    size, whole, digests = 0, hashlib.sha256(), []
    for chunk in _read_chunks(path, CHUNK_BYTES, on_progress):
        size += len(chunk)
        whole.update(chunk)
        digests.append(hashlib.sha256(chunk).hexdigest())
    return Manifest(str(path), size, whole.hexdigest(), CHUNK_BYTES, tuple(digests))


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest atomically. Raises InputError if it cannot be written."""
    try:
        write_atomically(path, json.dumps(manifest.as_document()) + "\n")
    except OSError as error:
        raise InputError(f"--out {path}: cannot be written: {error.strerror}") from error


def read_manifest(path: Path) -> Manifest:
    """Read a manifest of `write_manifest` or `newsreel digest --json`. Raises InputError if it is invalid."""
    measure_readable(path)
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a manifest of `newsreel digest`: not valid JSON") from error
    if problem := _find_error(document):
        raise InputError(f"{path}: not a manifest of `newsreel digest`: {problem}")
    return Manifest(
        str(document.get("file", "")),
        document["size_bytes"],
        document["sha256"].lower(),
        document["chunk_bytes"],
        tuple(digest.lower() for digest in document["digests"]),
    )


def find_differences(
    path: Path, recorded: Manifest, on_progress: OnProgress | None = None
) -> tuple[Difference, ...]:
    """Find where a file differs from its manifest, in order, in one read; adjacent chunks are one difference.

    The file's name does not matter. Raises InputError if the file cannot be read or the manifest contradicts itself.
    """
    size, whole = 0, hashlib.sha256()
    changed: list[int] = []
    for index, chunk in enumerate(_read_chunks(path, recorded.chunk_bytes, on_progress)):
        size += len(chunk)
        whole.update(chunk)
        start = index * recorded.chunk_bytes
        expected = min(recorded.chunk_bytes, recorded.size_bytes - start)
        if len(chunk) < expected or expected <= 0:
            continue  # truncated here, or beyond the recorded end: reported below, by size
        if hashlib.sha256(chunk[:expected]).hexdigest() != recorded.digests[index]:
            changed.append(index)
    found = [_build_difference(run, recorded) for run in _group_runs(changed)]
    if size < recorded.size_bytes:
        start = size // recorded.chunk_bytes * recorded.chunk_bytes
        found.append(Difference(faults.TRUNCATED, start, recorded.size_bytes))
    elif size > recorded.size_bytes:
        start = max(0, (len(recorded.digests) - 1) * recorded.chunk_bytes)
        found.append(Difference(faults.EXTRA_BYTES, start, recorded.size_bytes))
    if not found and whole.hexdigest() != recorded.sha256:
        raise InputError(
            "the manifest contradicts itself: every chunk of the file has its recorded digest, "
            "but the whole file does not have the recorded sha256"
        )
    return tuple(found)


def _read_chunks(path: Path, chunk_bytes: int, on_progress: OnProgress | None) -> Iterator[bytes]:
    size = measure_readable(path)
    done = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(chunk_bytes):  # a buffered file gives fewer bytes only at its end
                yield chunk
                done += len(chunk)
                if on_progress:
                    on_progress(done, max(size, done), "digest")
    except OSError as error:
        raise InputError(f"{path}: cannot be read to its end: {error.strerror or error}") from error


def _group_runs(indexes: list[int]) -> Iterator[tuple[int, int]]:
    """First and last index of each run of adjacent chunks."""
    start = None
    for place, index in enumerate(indexes):
        start = index if start is None else start
        if place + 1 == len(indexes) or indexes[place + 1] > index + 1:
            yield start, index
            start = None


def _build_difference(run: tuple[int, int], recorded: Manifest) -> Difference:
    first, last = run
    end = min((last + 1) * recorded.chunk_bytes, recorded.size_bytes)
    return Difference(faults.CHANGED_BYTES, first * recorded.chunk_bytes, end)


def _find_error(document: Any) -> str | None:
    """Why a document is not a valid manifest, or None."""
    if not isinstance(document, dict):
        return "not a JSON object"
    for name in ("size_bytes", "sha256", "chunk_bytes", "digests"):
        if name not in document:
            return f"{name} is missing"
    size, chunk, digests = document["size_bytes"], document["chunk_bytes"], document["digests"]
    if type(size) is not int or size < 0:
        return f"size_bytes = {json.dumps(size)} is not a size"
    if type(chunk) is not int or not 0 < chunk <= LARGEST_CHUNK_BYTES:
        return f"chunk_bytes = {json.dumps(chunk)} is not 1 to {LARGEST_CHUNK_BYTES}"
    if not _is_digest(document["sha256"]):
        return "sha256 is not 64 hex digits"
    if not isinstance(digests, list):
        return "digests is not a list"
    for index, digest in enumerate(digests):
        if not _is_digest(digest):
            return f"digests[{index}] is not 64 hex digits"
    if len(digests) != -(-size // chunk):
        return f"{size} bytes in chunks of {chunk} need {-(-size // chunk)} digests, not {len(digests)}"
    return None


def _is_digest(text: Any) -> bool:
    return isinstance(text, str) and bool(SHA256.fullmatch(text.lower()))
