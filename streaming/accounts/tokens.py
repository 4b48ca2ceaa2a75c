"""Access tokens: short-lived JWTs (RFC 7519), signed with the newest signing key, accepted with any of them.

Tests: tests/streaming/api/accounts/test_users.py.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import jwt

from schemas.errors import LogInError
from stores.secret_keys import signing_keys

PURPOSE = "access token"
ALGORITHM = "HS256"
LIFETIME_S = 900


class Claims(NamedTuple):
    """Claims of a token: user, session, expiry as Unix time."""

    user_id: str
    session_id: str
    expires_s: int


def issue(user_id: str, session_id: str, now_s: float | None = None) -> str:
    """Issue a token for an open session."""
    key = signing_keys(PURPOSE)[0]
    expires_s = int(time.time() if now_s is None else now_s) + LIFETIME_S
    claims = {"sub": user_id, "sid": session_id, "exp": expires_s}
    return jwt.encode(claims, key.secret, algorithm=ALGORITHM, headers={"kid": key.key_id})


def verify(token: str) -> Claims:
    """The claims of a token. Raises LogInError if it is invalid, was altered or has expired."""
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
        key = next(key for key in signing_keys(PURPOSE) if key.key_id == key_id)
        claims = jwt.decode(
            token, key.secret, algorithms=[ALGORITHM], options={"require": ["exp", "sub", "sid"]}
        )
        return Claims(str(claims["sub"]), str(claims["sid"]), int(claims["exp"]))
    except jwt.ExpiredSignatureError as error:
        raise LogInError("The access token has expired: refresh the session.") from error
    except (jwt.PyJWTError, StopIteration, ValueError) as error:
        raise LogInError("The access token is invalid.") from error
