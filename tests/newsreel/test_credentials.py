"""Passwords set in the database: the account gets one, and its sessions end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher

from newsreel.credentials import set_password
from stores.outbox import upsert_row
from stores.postgres import connect

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("database_url")


def test_an_account_gets_a_password_and_its_sessions_end() -> None:
    with connect() as connection:
        for user_id, user_name in (("u1", "ann"), ("u2", "bob")):
            upsert_row(connection, "users", {"user_id": user_id}, {"user_name": user_name, "created": AT})
            connection.execute(
                "INSERT INTO sessions (session_id, user_id, refresh_hash, expires) VALUES (%s, %s, '', now())",
                (f"session of {user_id}", user_id),
            )
    for password in ("correct horse", "battery staple"):
        assert set_password("ann", password)
        with connect() as connection:
            [row] = connection.execute("SELECT user_id, password_hash FROM credentials").fetchall()
            sessions = connection.execute("SELECT user_id FROM sessions").fetchall()
        assert row["user_id"] == "u1"
        assert PasswordHasher().verify(row["password_hash"], password)
        assert sessions == [{"user_id": "u2"}]


def test_an_unknown_account_gets_none() -> None:
    assert not set_password("nobody", "correct horse")
