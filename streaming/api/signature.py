"""Signed texts in links: what they say can be read by anybody and altered by nobody."""

from __future__ import annotations

import base64
import hmac
import time
from http import HTTPStatus

from fastapi import HTTPException

from stores.secret_keys import signing_keys

_MAC_BYTES = 20


def sign(purpose: str, what: str, expires_s: int) -> str:
    """`<expiry>.<key>.<mac>` over what a link is for; `expires_s` is Unix time."""
    key = signing_keys(purpose)[0]
    return f"{expires_s}.{key.key_id}.{_mac(key.secret, what, expires_s)}"


def check(purpose: str, what: str, signature: str, *, expired: HTTPStatus) -> int:
    """The expiry of a signature that fits what it is for. Answers 403 where it does not, `expired` after its time."""
    said, _, rest = signature.partition(".")
    key_id, _, mac = rest.partition(".")
    key = next((key for key in signing_keys(purpose) if key.key_id == key_id), None)
    # Only digits as `sign` writes them: int() reads other scripts' digits too.
    if key is None or not (said.isascii() and said.isdigit() and len(said) <= 12):
        raise HTTPException(HTTPStatus.FORBIDDEN, "This link was altered.")
    if not hmac.compare_digest(_mac(key.secret, what, int(said)).encode(), mac.encode()):
        raise HTTPException(HTTPStatus.FORBIDDEN, "This link was altered.")
    if int(said) <= time.time():
        raise HTTPException(expired, "This link has expired.")
    return int(said)


def _mac(secret: bytes, what: str, expires_s: int) -> str:
    digest = hmac.digest(secret, f"{expires_s}/{what}".encode(), "sha256")[:_MAC_BYTES]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
