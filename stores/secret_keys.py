"""Signing keys of tokens and links: `NEWSREEL_SECRET_KEYS`, the newest first, or one that is created once under HOME.

A signature names its key, so that older keys verify earlier signatures until they are removed from the list.
Tests: tests/streaming/api/accounts/test_users.py.
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
    """A key for one purpose. `key_id` is public."""

    key_id: str
    secret: bytes


def signing_keys(purpose: str) -> tuple[SigningKey, ...]:
    """The keys for a purpose, the newest first; a signature for one purpose is invalid for every other.

    Raises InputError if a configured key is too short to be secret.
    """
    given = settings().secret_keys
    return _derive_keys(given.get_secret_value() if given else _read_own_key(settings().home), purpose)


@lru_cache(maxsize=4)
def _read_own_key(home: Path) -> str:
    return read_or_create(home / "keys" / "secret_key", lambda: secrets.token_urlsafe(48))


@lru_cache(maxsize=64)
def _derive_keys(text: str, purpose: str) -> tuple[SigningKey, ...]:
    keys = [word.strip() for word in text.split(",") if word.strip()]
    if not keys or any(len(key) < LEAST_CHARACTERS for key in keys):
        raise InputError(
            f"NEWSREEL_SECRET_KEYS: each key needs at least {LEAST_CHARACTERS} characters; separate keys by commas"
        )
    return tuple(_derive_key(key, purpose) for key in keys)


def _derive_key(key: str, purpose: str) -> SigningKey:
    """HKDF-Expand (RFC 5869, section 2.3), one block: enough for HMAC-SHA-256."""
    secret = hmac.digest(key.encode(), purpose.encode() + b"\x01", "sha256")
    return SigningKey(hashlib.sha256(secret).hexdigest()[:8], secret)
