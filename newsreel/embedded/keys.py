"""Keys and passwords of the embedded servers: made once, kept in files that only their owner can read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from newsreel.embedded.sockets import private_folder


def kept(path: Path, make: Callable[[], str]) -> str:
    """The text of `path`, which is made, mode 0600, where it is missing; the first of several makers wins."""
    private_folder(path.parent)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()


def fernet_key() -> str:
    """32 random bytes, URL-safe base64 with padding (the Fernet specification)."""
    return secrets.token_urlsafe(32) + "="


def signing_key() -> str:
    """64 random bytes: HMAC-SHA512 wants a key as long as its hash (RFC 7518, section 3.2)."""
    return secrets.token_urlsafe(64)
