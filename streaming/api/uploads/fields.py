"""Header fields of tus 1.0.0: metadata, length and checksum of an upload.

Tests: tests/streaming/api/uploads/test_uploads.py.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Protocol

import google_crc32c
from fastapi import HTTPException
from pydantic import TypeAdapter, ValidationError

from streaming.serving.fields import Description, Title

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
LONGEST_BYTES = 256 << 30
CHECKSUM_MISMATCH = 460
"""tus, checksum extension."""
UNTITLED = "Untitled"
_TITLE, _DESCRIPTION = TypeAdapter(Title), TypeAdapter(Description)


class Hash(Protocol):
    """The interface that hashlib and google_crc32c share."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""

    def digest(self) -> bytes:
        """The digest of all bytes added."""


ALGORITHMS: dict[str, Callable[[], Hash]] = {
    "sha256": hashlib.sha256,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "crc32c": google_crc32c.Checksum,
}


@dataclass(frozen=True)
class Metadata:
    """`Upload-Metadata`. The file's name is shown to people, and never part of a path."""

    title: str
    description: str | None
    file_name: str | None


@dataclass(frozen=True)
class Checksum:
    """`Upload-Checksum` of the bytes of one request."""

    algorithm: str
    hash: Hash
    expected: bytes

    @property
    def matches(self) -> bool:
        """Whether the bytes received have the expected checksum."""
        return self.hash.digest() == self.expected


def parse_metadata(header: str | None) -> Metadata:
    """Title, description and file name. Raises HTTPException (400) if the header or a text in it is malformed."""
    values: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in (header or "").split(","))):
        name, _, value = pair.partition(" ")
        try:
            values[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise HTTPException(
                HTTPStatus.BAD_REQUEST, f"Upload-Metadata: the value of {name!r} is not base64 of UTF-8."
            ) from error
    file_name = values.get("filename") or values.get("name") or None
    if file_name is not None and ("\0" in file_name or len(file_name) > 1_000):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "Upload-Metadata: invalid filename.")
    given = (values.get("title") or _derive_title(file_name)).strip()
    try:
        title = _TITLE.validate_python(given or UNTITLED)
        description = (
            _DESCRIPTION.validate_python(values["description"]) if values.get("description") else None
        )
    except ValidationError as error:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, f"Upload-Metadata: title or description: {error.errors()[0]['msg']}."
        ) from error
    return Metadata(title, description, file_name)


def encode_metadata(metadata: Metadata) -> str:
    """The value of `Upload-Metadata`."""
    pairs = {"filename": metadata.file_name, "title": metadata.title, "description": metadata.description}
    return ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in pairs.items() if value
    )


def parse_length(header: str | None) -> int:
    """`Upload-Length`. Raises HTTPException: 400 if malformed, 413 above `LONGEST_BYTES`."""
    length = parse_bytes("Upload-Length", header)
    if length > LONGEST_BYTES:
        raise HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Upload-Length: at most {LONGEST_BYTES} bytes."
        )
    return length


def parse_bytes(name: str, header: str | None) -> int:
    """A number of bytes. Raises HTTPException (400)."""
    if header is None or not (header.isascii() and header.isdigit()) or len(header) > 19:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"{name}: must be a number of bytes.")
    return int(header)


def parse_checksum(header: str | None) -> Checksum | None:
    """`Upload-Checksum: <algorithm> <base64>`. Raises HTTPException (400) if malformed or of an unknown algorithm."""
    if header is None:
        return None
    algorithm, _, value = header.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, f"Upload-Checksum: the algorithm must be one of {', '.join(ALGORITHMS)}."
        )
    try:
        expected = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "Upload-Checksum: invalid base64.") from error
    return Checksum(algorithm, ALGORITHMS[algorithm](), expected)


def _derive_title(file_name: str | None) -> str:
    """A title from a file's name: its last component without its extension."""
    if not file_name:
        return ""
    stem = PurePosixPath(file_name.replace("\\", "/")).stem
    return "".join(character for character in stem if character.isprintable())[:500]
