"""The keys that sign tokens and links: `NEWSREEL_SECRET_KEYS`, the newest first, or one that is made once under HOME.

What is signed names its key, so that an older one still checks what it has signed until it leaves the list.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from schemas.errors import InputError
from schemas.settings import settings
from stores.private_files import read_or_create

LEAST_CHARACTERS = 32


class SigningKey(NamedTuple):
    """A key for one purpose. `key_id` may be told to everybody."""

    key_id: str
    secret: bytes


def signing_keys(purpose: str) -> tuple[SigningKey, ...]:
    """The keys for a purpose, the newest first; what is signed for one purpose is good for no other.

    Raises InputError where a key of the list is too short to be secret.
    """
    given = settings().secret_keys
    return _derived(given.get_secret_value() if given else _own(settings().home), purpose)


@lru_cache(maxsize=4)
def _own(home: Path) -> str:
    return read_or_create(home / "keys" / "secret_key", lambda: secrets.token_urlsafe(48))


@lru_cache(maxsize=64)
def _derived(text: str, purpose: str) -> tuple[SigningKey, ...]:
    keys = [word.strip() for word in text.split(",") if word.strip()]
    if not keys or any(len(key) < LEAST_CHARACTERS for key in keys):
        raise InputError(
            f"NEWSREEL_SECRET_KEYS: keys of {LEAST_CHARACTERS} characters or more are needed, by commas"
        )
    return tuple(_for_purpose(key, purpose) for key in keys)


def _for_purpose(key: str, purpose: str) -> SigningKey:
    """HKDF-Expand (RFC 5869, section 2.3), one block: enough for HMAC-SHA-256."""
    secret = hmac.digest(key.encode(), purpose.encode() + b"\x01", "sha256")
    return SigningKey(hashlib.sha256(secret).hexdigest()[:8], secret)
