"""Signed tokens: a text and its expiry, signed with HMAC, as one segment of a URL path.

Tests: tests/streaming/api/videos/test_shares.py, tests/streaming/api/videos/test_media.py.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import NamedTuple

from schemas.errors import ForbiddenError
from stores.secret_keys import signing_keys

KEY_BYTES, TIME_BYTES, MAC_BYTES = 4, 8, 32
LONGEST_CHARACTERS = 512
_INVALID = "This link is invalid or was altered."


class SignedText(NamedTuple):
    """A text that was signed, and the Unix time at which it expires."""

    text: str
    expires_s: float


def sign(purpose: str, text: str, expires_s: float) -> str:
    """base64url of key id, expiry in ms, text, and HMAC-SHA-256 over them with the purpose's key."""
    key = signing_keys(purpose)[0]
    message = bytes.fromhex(key.key_id) + int(expires_s * 1000).to_bytes(TIME_BYTES) + text.encode()
    return _encode(message + hmac.digest(key.secret, message, "sha256"))


def verify(purpose: str, token: str) -> SignedText:
    """The content of a token of `sign`; the caller checks its expiry. Raises ForbiddenError if altered."""
    raw = _decode(token)
    message, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    for key in signing_keys(purpose):
        if message[:KEY_BYTES] == bytes.fromhex(key.key_id) and hmac.compare_digest(
            hmac.digest(key.secret, message, "sha256"), mac
        ):
            end = KEY_BYTES + TIME_BYTES
            return SignedText(message[end:].decode(), int.from_bytes(message[KEY_BYTES:end]) / 1000)
    raise ForbiddenError(_INVALID)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(token: str) -> bytes:
    raw = b""
    if len(token) <= LONGEST_CHARACTERS and token.isascii():
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (ValueError, binascii.Error):
            raw = b""
    # Several texts may decode to the same bytes (RFC 4648, section 3.5): only the canonical one is accepted.
    if len(raw) < KEY_BYTES + TIME_BYTES + MAC_BYTES or _encode(raw) != token:
        raise ForbiddenError(_INVALID)
    return raw
