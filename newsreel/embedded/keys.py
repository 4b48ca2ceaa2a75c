"""Keys of the embedded Airflow."""

from __future__ import annotations

import secrets


def fernet_key() -> str:
    """Generate 32 random bytes, URL-safe base64 with padding (the Fernet specification)."""
    return secrets.token_urlsafe(32) + "="


def signing_key() -> str:
    """Generate 64 random bytes: HMAC-SHA512 wants a key as long as its hash (RFC 7518, section 3.2)."""
    return secrets.token_urlsafe(64)
