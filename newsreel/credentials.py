"""Passwords of accounts, set directly in the database.

For accounts made by `newsreel import` or `ingest`, which have none.
"""

from __future__ import annotations

import asyncio

from stores.postgres import connect


def set_password(user_name: str, password: str) -> bool:
    """Set the password of an account and end its sessions; False if there is no such account."""
    from streaming.accounts.passwords import Passwords

    password_hash = asyncio.run(Passwords().hash(password))
    with connect() as connection:
        row = connection.execute(
            """INSERT INTO credentials (user_id, password_hash)
               SELECT user_id, %s FROM users WHERE user_name = %s
               ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash
               RETURNING user_id""",
            (password_hash, user_name),
        ).fetchone()
        if row is not None:
            connection.execute("DELETE FROM sessions WHERE user_id = %s", (row["user_id"],))
    return row is not None
