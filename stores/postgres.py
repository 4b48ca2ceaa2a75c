"""PostgreSQL: connections and the tables that the declarations ask for."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from schemas.derive.sql import comments, create_table
from schemas.errors import DependencyError
from schemas.settings import settings
from schemas.tables import LIVE_TABLES

Connection = psycopg.Connection[dict[str, Any]]

STATEMENT_TIMEOUT_MS = 30_000
MIGRATION_LOCK = 0x6E657773
"""Advisory lock of those who create tables, "news"."""


OUTBOX = """
CREATE TABLE IF NOT EXISTS events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    table_name text COLLATE "C" NOT NULL,
    row_key text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('upserted', 'deleted')),
    row text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS events_by_transaction ON events (transaction_id, event_id);
CREATE TABLE IF NOT EXISTS consumers (
    consumer text COLLATE "C" PRIMARY KEY,
    batch bigint NOT NULL DEFAULT 0,
    transaction_id xid8 NOT NULL DEFAULT '0',
    event_id bigint NOT NULL DEFAULT 0,
    next_transaction_id xid8,
    next_event_id bigint
);
CREATE TABLE IF NOT EXISTS fences (
    scope text COLLATE "C" PRIMARY KEY,
    token bigint NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    stage text COLLATE "C" NOT NULL,
    attempt bigint NOT NULL,
    backend integer,
    backend_start timestamptz
);
COMMENT ON TABLE events IS 'The outbox: one row for each change of a live row, written in its transaction.';
COMMENT ON TABLE consumers IS 'How far each reader of the outbox has come, and the batch it is in the middle of.';
COMMENT ON TABLE fences IS 'Who may write for a video, or refresh the tables; backend and its start are its session.';
"""


def connect() -> Connection:
    """A connection with rows as dicts and bounded statements. Raises DependencyError where there is no server."""
    url = settings().database_url
    if not url:
        raise DependencyError("NEWSREEL_DATABASE_URL is not set: start this through `newsreel`, or set it")
    try:
        return psycopg.connect(
            url,
            row_factory=dict_row,
            connect_timeout=5,
            options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC",
        )
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise DependencyError(f"PostgreSQL (NEWSREEL_DATABASE_URL) cannot be reached: {reason}") from error


def migrate() -> None:
    """Create the live tables and the outbox where they are missing. Idempotent; one process at a time."""
    with connect() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        for declared in LIVE_TABLES:
            connection.execute(create_table(declared).encode())
            for statement in comments(declared):
                connection.execute(statement.encode())
        connection.execute(OUTBOX.encode())
