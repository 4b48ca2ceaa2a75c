"""Identifiers: random ones that are minted at the edge (UUIDv7), and derived ones (UUIDv5).

Tests: tests/schemas/test_rows.py, tests/streaming/api/uploads/test_uploads.py.
"""

from __future__ import annotations

import secrets
import time
import uuid

NAMESPACE = uuid.UUID("6f1c3f0e-6d1c-5b7e-9f0e-2b6d3c1a7e55")
"""Namespace of all ids that are derived from their inputs (UUIDv5, RFC 9562, section 5.5)."""


def new_id() -> str:
    """A new UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix time in ms, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    bits = (milliseconds << 80) | secrets.randbits(80)
    bits = (bits & ~(0xF << 76)) | (0x7 << 76)
    bits = (bits & ~(0x3 << 62)) | (0x2 << 62)
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def derive_user_id(user_name: str) -> str:
    """The id of an account that is created from the command line."""
    return str(uuid.uuid5(NAMESPACE, f"user/{user_name}"))


def derive_video_id(uploader_id: str, sha256: str) -> str:
    """The id of a video: the same bytes uploaded by the same account are the same video."""
    return str(uuid.uuid5(NAMESPACE, f"video/{uploader_id}/{sha256}"))
