"""Sessions: opened with a password, refreshed with a token that is good once, ended at once.

An access token is good only while its session is open. So that not every request has to ask PostgreSQL, open sessions
are remembered, and forgotten when PostgreSQL tells that one has ended (LISTEN); while it cannot, each is looked up.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import NamedTuple

from schemas.channels import SESSION_ENDED
from schemas.errors import LogInError
from schemas.ids import new_id
from schemas.rows import IDENTIFIER
from streaming.accounts import tokens
from streaming.accounts.caller import Member
from streaming.serving.database import Connection, Database
from streaming.serving.pg_listen import Notices

LIFE = timedelta(days=30)
"""A session that is not refreshed for so long has ended."""
REMEMBERED = 50_000
_NOT_GOOD = "this refresh token is not good, or not any more; open another session"


class Pair(NamedTuple):
    """What a client gets: a token for its requests, and one for the next pair."""

    access_token: str
    refresh_token: str
    expires_in_s: int


class Sessions:
    """The sessions of one process."""

    def __init__(self, database: Database, notices: Notices) -> None:
        self._database, self._notices = database, notices
        self._open: set[str] = set()
        self._read: dict[str, Member] = {}
        self._expires_s: dict[str, int] = {}
        self._told = 0
        notices.on(SESSION_ENDED.name, self.forget, self._forget_all)

    async def member(self, access_token: str, now_s: float) -> Member:
        """Who sent this token. Raises LogInError, DependencyError."""
        member = self._read.get(access_token)
        if member is None:
            member = self._check(access_token)
        if self._expires_s[access_token] <= now_s:
            raise LogInError("the access token has expired; refresh the session")
        if member.session_id not in self._open or not self._notices.heard:
            await self._look_up(member.session_id)
        return member

    def _check(self, access_token: str) -> Member:
        claims = tokens.read(access_token)
        if len(self._read) >= REMEMBERED:
            self._read.clear()
            self._expires_s.clear()
        self._read[access_token] = Member(claims.user_id, claims.session_id)
        self._expires_s[access_token] = claims.expires_s
        return self._read[access_token]

    async def _look_up(self, session_id: str) -> None:
        told = self._told
        row = await self._database.one("SELECT FROM sessions WHERE session_id = %s", (session_id,))
        if row is None:
            raise LogInError("this session has ended; open another one")
        # One that ended after the query looked must not be remembered.
        if self._notices.heard and told == self._told:
            if len(self._open) >= REMEMBERED:
                self._open.clear()
            self._open.add(session_id)

    async def end(self, session_id: str) -> None:
        """End one session, at once; no other is touched."""
        self.forget(session_id)
        await self._database.write("DELETE FROM sessions WHERE session_id = %s", (session_id,))
        self.forget(session_id)

    def forget(self, session_id: str) -> None:
        """Ask PostgreSQL for this session the next time."""
        self._told += 1
        self._open.discard(session_id)

    def _forget_all(self) -> None:
        self._told += 1
        self._open.clear()

    async def refresh(self, refresh_token: str) -> Pair:
        """The next pair of a session. A token that was used before ends the session: somebody has a copy of it.

        Raises LogInError (RFC 9700, section 4.14.2).
        """
        session_id, _, secret = refresh_token.partition(".")
        if not IDENTIFIER.fullmatch(session_id):
            raise LogInError(_NOT_GOOD)
        fresh = secrets.token_urlsafe(32)
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                """SELECT user_id, refresh_hash, expires < now() AS expired FROM sessions
                   WHERE session_id = %s FOR UPDATE""",
                (session_id,),
            )
            row = await cursor.fetchone()
            good = row is not None and hmac.compare_digest(_hash(secret), bytes(row["refresh_hash"]))
            if row is not None and good and not row["expired"]:
                await connection.execute(
                    "UPDATE sessions SET refresh_hash = %s, expires = now() + %s WHERE session_id = %s",
                    (_hash(fresh), LIFE, session_id),
                )
                return Pair(tokens.issue(row["user_id"], session_id), f"{session_id}.{fresh}", tokens.LIFE_S)
            if row is not None:
                await connection.execute("DELETE FROM sessions WHERE session_id = %s", (session_id,))
        self.forget(session_id)
        raise LogInError(_NOT_GOOD)


async def open_session(connection: Connection, user_id: str) -> Pair:
    """A new session, in the caller's transaction."""
    session_id, secret = new_id(), secrets.token_urlsafe(32)
    await connection.execute(
        "INSERT INTO sessions (session_id, user_id, refresh_hash, expires) VALUES (%s, %s, %s, now() + %s)",
        (session_id, user_id, _hash(secret), LIFE),
    )
    return Pair(tokens.issue(user_id, session_id), f"{session_id}.{secret}", tokens.LIFE_S)


def _hash(secret: str) -> bytes:
    """A token of 256 random bits needs no slow hash."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()
