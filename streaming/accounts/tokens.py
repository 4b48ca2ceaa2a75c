"""Access tokens: JWTs (RFC 7519) that live some minutes, signed by the newest of our keys, checked by any of them."""

from __future__ import annotations

import time
from typing import NamedTuple

import jwt

from schemas.errors import LogInError
from stores.secret_keys import signing_keys

PURPOSE = "access token"
ALGORITHM = "HS256"
LIFE_S = 900


class Claims(NamedTuple):
    """What a token says: whose it is, of which session, until when (Unix time)."""

    user_id: str
    session_id: str
    expires_s: int


def issue(user_id: str, session_id: str, now_s: float | None = None) -> str:
    """A token for a session that is open."""
    key = signing_keys(PURPOSE)[0]
    expires_s = int(time.time() if now_s is None else now_s) + LIFE_S
    claims = {"sub": user_id, "sid": session_id, "exp": expires_s}
    return jwt.encode(claims, key.secret, algorithm=ALGORITHM, headers={"kid": key.key_id})


def read(token: str) -> Claims:
    """What a token of ours says. Raises LogInError where it is none, is altered or has expired."""
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
        key = next(key for key in signing_keys(PURPOSE) if key.key_id == key_id)
        claims = jwt.decode(
            token, key.secret, algorithms=[ALGORITHM], options={"require": ["exp", "sub", "sid"]}
        )
        return Claims(str(claims["sub"]), str(claims["sid"]), int(claims["exp"]))
    except jwt.ExpiredSignatureError as error:
        raise LogInError("the access token has expired; refresh the session") from error
    except (jwt.PyJWTError, StopIteration, ValueError) as error:
        raise LogInError("the access token is none of ours") from error
