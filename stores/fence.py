"""Fences: each attempt of a stage acquires the fence of its scope, and an attempt that was overtaken writes no more.

A task that was given up may still run: its machine was cut off, or its process was stopped and goes on later. So every
attempt acquires a fencing token from PostgreSQL (Kleppmann, "How to do distributed locking", 2016), and each of its
commits happens while the token is locked and found to be the newest. The next attempt waits for a commit in progress;
a process that is stopped in the middle of one loses its session, and its next commit fails.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg

from schemas.errors import ConflictError, DependencyError
from stores.postgres import Connection, connect

LONGEST_COMMIT_S = 10
"""A commit takes milliseconds; one that holds the fence longer belongs to a process that does not run."""
PATIENCE_S = 30.0
"""Longest wait of a stage for a PostgreSQL that is being restarted."""
_RETRY_S = 0.5
OF_VIDEO = "video/"
"""Prefix of the scopes of videos. Runs of a video are numbered; those of other scopes, as of replayed days, are not."""
OUR_SESSION = """backend = pg_backend_pid(),
    backend_start = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())"""
ITS_SESSION = "fences.backend = pid AND fences.backend_start = pg_stat_activity.backend_start"
"""A process id alone may have been reused by another session."""


@dataclass(frozen=True)
class Claim:
    """One attempt's claim to a fence.

    `opens`: the first stage of a run, which may take the scope over from an earlier run; `waits_s`: how long it waits
    for the end of a live one before it gives up. With 0 it does not wait, and overtakes that one.
    """

    scope: str
    run_id: str
    stage: str
    attempt: int
    opens: bool = False
    waits_s: float = 0.0

    def __str__(self) -> str:
        return f"run {self.run_id}, {self.stage} {self.attempt}"


class Fence:
    """One attempt's right to write for its scope, until another attempt acquires the next token."""

    def __init__(self, claim: Claim, token: int, connection: Connection) -> None:
        self._claim, self._token, self._connection = claim, token, connection

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the fence for the block. Raises ConflictError if this attempt was overtaken."""
        connection = self._session()
        try:
            self.check(connection)
            yield
        finally:
            # The attempt that overtook us may have ended the session in the block: the next check notices.
            with suppress(psycopg.OperationalError):
                connection.rollback()

    def check(self, connection: Connection) -> None:
        """Lock the fence in the caller's transaction. Raises ConflictError if this attempt was overtaken."""
        row = connection.execute(
            "SELECT token, run_id, stage, attempt FROM fences WHERE scope = %s FOR SHARE",
            (self._claim.scope,),
        ).fetchone()
        if row is None or row["token"] != self._token:
            by = f"by run {row['run_id']}, {row['stage']} {row['attempt']}" if row else "and forgotten"
            raise ConflictError(
                f"{self._claim.scope}: {self._claim} was overtaken {by}; nothing more is written"
            )

    def close(self) -> None:
        """End the session that marks this attempt as alive."""
        self._connection.close()

    def _session(self) -> Connection:
        """The session, or a new one if PostgreSQL was restarted meanwhile."""
        try:
            self._connection.execute("SELECT 1")
        except psycopg.OperationalError:
            self._connection.close()
            self._connection = connect_with_retry()
            self._connection.execute(
                f"UPDATE fences SET {OUR_SESSION} WHERE scope = %s AND token = %s".encode(),
                (self._claim.scope, self._token),
            )
            self._connection.commit()
        return self._connection


_current: list[Fence] = []
"""The fence of this process, if it runs a stage: a stage program is one attempt."""


@contextmanager
def fenced(claim: Claim) -> Iterator[Fence]:
    """Hold the fence for the block; every commit in it must be `guarded`. Raises ConflictError."""
    fence = acquire(claim)
    _current.append(fence)
    try:
        yield fence
    finally:
        _current.remove(fence)
        fence.close()


@contextmanager
def guarded() -> Iterator[None]:
    """Keep other attempts from overtaking this process's stage during the block, which makes one commit.

    Raises ConflictError if the stage was overtaken. Outside of a stage nothing is guarded: commands have data of their
    own.
    """
    if not _current:
        yield
        return
    with _current[-1].held():
        yield


def check_fence(connection: Connection) -> None:
    """`guarded` for a change of live rows, in its own transaction. Raises ConflictError."""
    if _current:
        _current[-1].check(connection)


def acquire(claim: Claim) -> Fence:
    """Acquire the next token of a scope. Waits for a commit in progress, and for a PostgreSQL that is starting.

    Raises ConflictError if a later run has the scope, or a later attempt of the same stage, or if the run that is
    waited for does not end in time.
    """
    connection = connect_with_retry()
    deadline = time.monotonic() + claim.waits_s
    try:
        while (token := _take_token(connection, claim)) is None:
            if time.monotonic() > deadline:
                raise ConflictError(
                    f"{claim.scope}: another run is still active after {claim.waits_s:g} s; wait for it or cancel it"
                )
            time.sleep(_RETRY_S)
    except BaseException:
        connection.close()
        raise
    return Fence(claim, token, connection)


def revoke(connection: Connection, scope: str, by: str) -> None:
    """Revoke the fence of a scope from its holder, in the caller's transaction: its attempts write no more."""
    _lock(connection, scope)
    connection.execute(
        """INSERT INTO fences (scope, token, run_id, stage, attempt) VALUES (%s, 1, %s, %s, 0)
           ON CONFLICT (scope) DO UPDATE SET token = fences.token + 1, run_id = excluded.run_id,
           stage = excluded.stage, attempt = 0, backend = NULL, backend_start = NULL""",
        (scope, by, by),
    )


def find_holder(connection: Connection, scope: str) -> Claim | None:
    """The attempt that holds a scope, if its process still has its session; otherwise None."""
    row = connection.execute(
        f"""SELECT run_id, stage, attempt FROM fences JOIN pg_stat_activity ON {ITS_SESSION}
            WHERE scope = %s""".encode(),
        (scope,),
    ).fetchone()
    return Claim(scope, row["run_id"], row["stage"], row["attempt"]) if row else None


def connect_with_retry() -> Connection:
    """Connect, retrying while PostgreSQL is being restarted. Raises DependencyError after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return connect()
        except DependencyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)


def _take_token(connection: Connection, claim: Claim) -> int | None:
    """The next token; None while a live run has to be waited for."""
    with connection.transaction():
        connection.execute(
            """INSERT INTO fences (scope, token, run_id, stage, attempt) VALUES (%s, 0, %s, %s, 0)
               ON CONFLICT DO NOTHING""",
            (claim.scope, claim.run_id, claim.stage),
        )
    with connection.transaction():
        _lock(connection, claim.scope)
        row = connection.execute("SELECT * FROM fences WHERE scope = %s", (claim.scope,)).fetchone()
        assert row is not None  # inserted above, and never deleted
        _refuse_stale(claim, Claim(claim.scope, row["run_id"], row["stage"], row["attempt"]))
        if claim.waits_s and row["run_id"] != claim.run_id and find_holder(connection, claim.scope):
            return None
        connection.execute(
            f"""UPDATE fences SET token = token + 1, run_id = %s, stage = %s, attempt = %s, {OUR_SESSION}
                WHERE scope = %s""".encode(),
            (claim.run_id, claim.stage, claim.attempt, claim.scope),
        )
    return int(row["token"]) + 1


def _refuse_stale(claim: Claim, held: Claim) -> None:
    if held.run_id == claim.run_id:
        stale = held.stage == claim.stage and held.attempt > claim.attempt
    else:
        stale = not claim.opens or (claim.scope.startswith(OF_VIDEO) and _is_later(held.run_id, claim.run_id))
    if stale:
        raise ConflictError(
            f"{claim.scope}: overtaken by {held}; {claim} does nothing (`newsreel retry` starts a new run)"
        )


def _is_later(run_id: str, other: str) -> bool:
    """Whether the first of two runs `<video_id>-<attempt>` has the higher number; other runs have no order."""
    numbers = [named.rpartition("-") for named in (run_id, other)]
    return (
        numbers[0][0] == numbers[1][0]
        and all(number.isdigit() for _, _, number in numbers)
        and int(numbers[0][2]) > int(numbers[1][2])
    )


def _lock(connection: Connection, scope: str) -> None:
    """Lock the fence until the caller's transaction ends; a commit that holds it too long loses its session."""
    query = "SELECT 1 FROM fences WHERE scope = %s FOR UPDATE"
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{LONGEST_COMMIT_S}s'".encode())
            connection.execute(query, (scope,))
    except psycopg.errors.LockNotAvailable:
        connection.execute(
            f"""SELECT pg_terminate_backend(pid, 5000) FROM fences JOIN pg_stat_activity ON {ITS_SESSION}
                WHERE scope = %s""".encode(),
            (scope,),
        )
        connection.execute(query, (scope,))
