"""Accounts with open sessions and ready videos, on which the parts of the bench operate."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.api.load import build_request, connections
from benchmarks.api.servers import Servers

PASSWORD = "correct horse battery staple"  # noqa: S105 - of accounts that exist only during the bench


@dataclass(frozen=True)
class Person:
    """A user with an open session."""

    user_id: str
    token: str


async def sign_up(servers: Servers, count: int, prefix: str) -> list[Person]:
    """Create `count` accounts, each with a session."""
    async with connections(servers.port, 4) as made:

        async def join(number: int) -> Person:
            connection = made[number % len(made)]
            async with locks[number % len(made)]:
                body = {"user_name": f"{prefix}-{number}", "password": PASSWORD}
                account = await connection.ask(build_request("POST", "/v1/users", body=body))
                session = await connection.ask(build_request("POST", "/v1/sessions", body=body))
            return Person(account.json()["user_id"], session.json()["access_token"])

        locks = [asyncio.Lock() for _ in made]
        return list(await asyncio.gather(*(join(number) for number in range(count))))


def insert_ready_videos(servers: Servers, count: int, prefix: str) -> list[str]:
    """Insert public, ready videos; returns their ids. Written by SQL, since no request creates one without a file."""
    ids = [f"{prefix}-{number}" for number in range(count)]
    with servers.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO videos (video_id, title, description, uploader_id, size_bytes, duration_s, status, sha256,
               package, thumbnail_url, created) VALUES (%s, 'A title of usual length', %s, 'bench', 10, 60, 'ready',
               %s, %s, '/media/thumbnails/x.jpg', %s)""",
            [(video_id, "d" * 300, "0" * 64, "0" * 64, datetime.now(UTC)) for video_id in ids],
        )
    return ids
