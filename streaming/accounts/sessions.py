"""Sessions: opened with a password, refreshed with single-use tokens, ended immediately.

An access token is valid only while its session is open. Open sessions are cached, so that most requests do without
PostgreSQL; a notification (LISTEN) invalidates one that has ended, and while none can arrive each session is looked up.
Tests: tests/streaming/api/accounts/test_users.py.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Annotated, NamedTuple

from fastapi import Depends, Request

from schemas.channels import SESSION_ENDED
from schemas.errors import LogInError
from schemas.ids import new_id
from schemas.rows import IDENTIFIER
from streaming.accounts import tokens
from streaming.accounts.caller import Member
from streaming.serving.database import Connection, Database
from streaming.serving.pg_listen import PgListener

LIFETIME = timedelta(days=30)
"""Of a session since its last refresh."""
CACHED = 50_000
_EXPIRED = "The access token has expired: refresh the session."
_INVALID_REFRESH = "The refresh token is invalid, expired or was used before: open another session."


class TokenPair(NamedTuple):
    """An access token for requests, and a refresh token for the next pair."""

    access_token: str
    refresh_token: str
    expires_in_s: int


class Sessions:
    """Sessions, with a cache of the open ones in this process."""

    def __init__(self, database: Database, listener: PgListener) -> None:
        self._database, self._listener = database, listener
        self._open: set[str] = set()
        self._members: dict[str, Member] = {}
        self._expires_s: dict[str, int] = {}
        self._generation = 0
        listener.subscribe(SESSION_ENDED.name, self.invalidate, self._invalidate_all)

    async def authenticate(self, access_token: str, now_s: float) -> Member:
        """The caller with this token. Raises LogInError, DependencyError."""
        member = self._members.get(access_token)
        if member is None:
            member = self._verify(access_token)
        if self._expires_s[access_token] <= now_s:
            raise LogInError(_EXPIRED)
        if member.session_id not in self._open or not self._listener.listening:
            await self._look_up(member.session_id)
        return member

    def _verify(self, access_token: str) -> Member:
        claims = tokens.verify(access_token)
        if len(self._members) >= CACHED:
            self._members.clear()
            self._expires_s.clear()
        self._members[access_token] = Member(claims.user_id, claims.session_id)
        self._expires_s[access_token] = claims.expires_s
        return self._members[access_token]

    async def _look_up(self, session_id: str) -> None:
        generation = self._generation
        row = await self._database.one("SELECT FROM sessions WHERE session_id = %s", (session_id,))
        if row is None:
            raise LogInError("The session has ended: open another one with POST /v1/sessions.")
        # A session that ended after the query must not be cached.
        if self._listener.listening and generation == self._generation:
            if len(self._open) >= CACHED:
                self._open.clear()
            self._open.add(session_id)

    async def end(self, session_id: str) -> None:
        """End one session immediately; others stay open."""
        self.invalidate(session_id)
        await self._database.write("DELETE FROM sessions WHERE session_id = %s", (session_id,))
        self.invalidate(session_id)

    def invalidate(self, session_id: str) -> None:
        """Remove a session from the cache."""
        self._generation += 1
        self._open.discard(session_id)

    def _invalidate_all(self) -> None:
        self._generation += 1
        self._open.clear()

    async def refresh(self, refresh_token: str) -> TokenPair:
        """The next pair of a session. A token used before ends the session: there is a copy of it.

        Raises LogInError (RFC 9700, section 4.14.2).
        """
        session_id, _, secret = refresh_token.partition(".")
        if not IDENTIFIER.fullmatch(session_id):
            raise LogInError(_INVALID_REFRESH)
        new_secret = secrets.token_urlsafe(32)
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                """SELECT user_id, refresh_hash, expires < now() AS expired FROM sessions
                   WHERE session_id = %s FOR UPDATE""",
                (session_id,),
            )
            row = await cursor.fetchone()
            matches = row is not None and hmac.compare_digest(_hash(secret), bytes(row["refresh_hash"]))
            if row is not None and matches and not row["expired"]:
                await connection.execute(
                    "UPDATE sessions SET refresh_hash = %s, expires = now() + %s WHERE session_id = %s",
                    (_hash(new_secret), LIFETIME, session_id),
                )
                return _issue_pair(row["user_id"], session_id, new_secret)
            if row is not None:
                await connection.execute("DELETE FROM sessions WHERE session_id = %s", (session_id,))
        self.invalidate(session_id)
        raise LogInError(_INVALID_REFRESH)


async def open_session(connection: Connection, user_id: str) -> TokenPair:
    """Open a session, in the caller's transaction."""
    session_id, secret = new_id(), secrets.token_urlsafe(32)
    await connection.execute(
        "INSERT INTO sessions (session_id, user_id, refresh_hash, expires) VALUES (%s, %s, %s, now() + %s)",
        (session_id, user_id, _hash(secret), LIFETIME),
    )
    return _issue_pair(user_id, session_id, secret)


async def get_sessions(request: Request) -> Sessions:
    """The application's sessions."""
    sessions: Sessions = request.app.state.sessions
    return sessions


SessionsDep = Annotated[Sessions, Depends(get_sessions)]


def _issue_pair(user_id: str, session_id: str, secret: str) -> TokenPair:
    return TokenPair(tokens.issue(user_id, session_id), f"{session_id}.{secret}", tokens.LIFETIME_S)


def _hash(secret: str) -> bytes:
    """SHA-256: a token of 256 random bits needs no slow hash."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()
