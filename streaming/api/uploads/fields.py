"""Header fields of tus 1.0.0: what an upload is called, how long it is, and what its bytes must add up to."""

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
    """What hashlib and google_crc32c have in common."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """What they add up to."""


ALGORITHMS: dict[str, Callable[[], Hash]] = {
    "sha256": hashlib.sha256,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "crc32c": google_crc32c.Checksum,
}


@dataclass(frozen=True)
class Metadata:
    """What `Upload-Metadata` says. The file's name is a text for people, and never a part of a path."""

    title: str
    description: str | None
    file_name: str | None


@dataclass(frozen=True)
class Checksum:
    """What `Upload-Checksum` says of the bytes of one request."""

    algorithm: str
    hash: Hash
    wanted: bytes

    @property
    def fits(self) -> bool:
        """Whether the bytes that were taken are the ones that were meant."""
        return self.hash.digest() == self.wanted


def read_metadata(header: str | None) -> Metadata:
    """Title, description and file name. Answers 400 where the header is not what tus says, or a text is no text."""
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in (header or "").split(","))):
        name, _, value = pair.partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise HTTPException(
                HTTPStatus.BAD_REQUEST, f"Upload-Metadata: the value of {name!r} is no base64 of UTF-8."
            ) from error
    file_name = found.get("filename") or found.get("name") or None
    if file_name is not None and ("\0" in file_name or len(file_name) > 1_000):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "Upload-Metadata: filename is no name of a file.")
    given = (found.get("title") or _stem(file_name)).strip()
    try:
        title = _TITLE.validate_python(given or UNTITLED)
        description = _DESCRIPTION.validate_python(found["description"]) if found.get("description") else None
    except ValidationError as error:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, f"Upload-Metadata: title or description: {error.errors()[0]['msg']}."
        ) from error
    return Metadata(title, description, file_name)


def written_metadata(metadata: Metadata) -> str:
    """The header that says it."""
    pairs = {"filename": metadata.file_name, "title": metadata.title, "description": metadata.description}
    return ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in pairs.items() if value
    )


def read_length(header: str | None) -> int:
    """`Upload-Length`. Answers 400 where it is none, 413 where it is too much."""
    length = read_bytes("Upload-Length", header)
    if length > LONGEST_BYTES:
        raise HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"An upload may have {LONGEST_BYTES} bytes at most."
        )
    return length


def read_bytes(name: str, header: str | None) -> int:
    """A number of bytes. Answers 400."""
    if header is None or not (header.isascii() and header.isdigit()) or len(header) > 19:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"{name}: a number of bytes is needed.")
    return int(header)


def read_checksum(header: str | None) -> Checksum | None:
    """`Upload-Checksum: <algorithm> <base64>`. Answers 400 for an algorithm that is not known."""
    if header is None:
        return None
    algorithm, _, value = header.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, f"Upload-Checksum: one of {', '.join(ALGORITHMS)} is needed."
        )
    try:
        wanted = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "Upload-Checksum: this is no base64.") from error
    return Checksum(algorithm, ALGORITHMS[algorithm](), wanted)


def _stem(file_name: str | None) -> str:
    """A title from a file's name: what comes after the last separator, without what follows the last dot."""
    if not file_name:
        return ""
    stem = PurePosixPath(file_name.replace("\\", "/")).stem
    return "".join(character for character in stem if character.isprintable())[:500]
