"""Sealed words: what a link is for and until when, signed, as one segment of a path."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import NamedTuple

from schemas.errors import ForbiddenError
from stores.secret_keys import signing_keys

KEY_BYTES, TIME_BYTES, MAC_BYTES = 4, 8, 32
LONGEST_CHARACTERS = 512


class Seal(NamedTuple):
    """What was sealed, and the Unix time at which it ends."""

    text: str
    expires_s: float


def sealed(purpose: str, text: str, expires_s: float) -> str:
    """base64url of the key's id, the end in ms, the text, and HMAC-SHA-256 over all of them by the purpose's key."""
    key = signing_keys(purpose)[0]
    message = bytes.fromhex(key.key_id) + int(expires_s * 1000).to_bytes(TIME_BYTES) + text.encode()
    return _written(message + hmac.digest(key.secret, message, "sha256"))


def opened(purpose: str, token: str) -> Seal:
    """What `sealed` was given; whether it has ended is for the caller to see. Raises ForbiddenError if altered."""
    raw = _read(token)
    message, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    for key in signing_keys(purpose):
        if message[:KEY_BYTES] == bytes.fromhex(key.key_id) and hmac.compare_digest(
            hmac.digest(key.secret, message, "sha256"), mac
        ):
            end = KEY_BYTES + TIME_BYTES
            return Seal(message[end:].decode(), int.from_bytes(message[KEY_BYTES:end]) / 1000)
    raise ForbiddenError("this link was altered, or is none of ours")


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _read(token: str) -> bytes:
    raw = b""
    if len(token) <= LONGEST_CHARACTERS and token.isascii():
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (ValueError, binascii.Error):
            raw = b""
    # Other letters may say the same bytes (RFC 4648, section 3.5): only ours are good.
    if len(raw) < KEY_BYTES + TIME_BYTES + MAC_BYTES or _written(raw) != token:
        raise ForbiddenError("this link was altered, or is none of ours")
    return raw
