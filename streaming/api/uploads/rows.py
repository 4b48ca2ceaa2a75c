"""Uploads in PostgreSQL: the row of each, the digests of its chunks, and the video that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schemas.errors import ConflictError, NotFoundError
from schemas.ids import new_id, video_id_of
from schemas.rows import IDENTIFIER
from schemas.settings import settings
from schemas.tables.uploads import CHUNK_BYTES
from streaming.accounts.account_lock import account_stays, keep_account
from streaming.api.uploads.fields import Metadata
from streaming.api.uploads.file import ChunkDigest
from streaming.serving.database import Database, Row

LIFE = timedelta(hours=24)
"""What is not gone on with for so long goes."""
SLIDES = timedelta(minutes=10)
"""`expires` is moved when so much of `LIFE` is over, not with every request."""
OPEN_AT_ONCE = 1_000
COLUMNS = (
    "upload_id, user_id, title, description, file_name, size_bytes, state, sha256, video_id, expires, created"
)


def file_of(upload_id: str) -> Path:
    """Where an upload's bytes lie until all of them are there."""
    return settings().media_path / "uploads" / upload_id


async def announce(database: Database, user_id: str, size_bytes: int, metadata: Metadata) -> Row:
    """A new upload. Raises ConflictError where the account has too many that are open."""
    now = datetime.now(UTC)
    async with database.transaction() as connection:
        await keep_account(connection, user_id)
        cursor = await connection.execute(
            f"""INSERT INTO uploads (upload_id, user_id, title, description, file_name, size_bytes, state, expires,
                  created)
                SELECT %s, %s, %s, %s, %s, %s, 'open', %s, %s
                WHERE (SELECT count(*) FROM uploads WHERE user_id = %s AND state = 'open') < {OPEN_AT_ONCE}
                RETURNING {COLUMNS}""".encode(),
            (
                new_id(), user_id, metadata.title, metadata.description, metadata.file_name, size_bytes,
                now + LIFE, now, user_id,
            ),
        )  # fmt: skip
        upload = await cursor.fetchone()
    if upload is None:
        raise ConflictError(f"{OPEN_AT_ONCE} uploads are open already; finish or delete some")
    return upload


async def existing_upload(database: Database, upload_id: str) -> Row:
    """The row of an upload. Raises NotFoundError."""
    if IDENTIFIER.fullmatch(upload_id):
        row = await database.one(f"SELECT {COLUMNS} FROM uploads WHERE upload_id = %s", (upload_id,))
        if row is not None:
            return row
    raise NotFoundError("no such upload")


async def keep_alive(database: Database, upload: Row) -> None:
    """Let an upload that is gone on with live longer."""
    now = datetime.now(UTC)
    if upload["expires"] - now < LIFE - SLIDES:
        upload["expires"] = now + LIFE
        await database.write(
            "UPDATE uploads SET expires = %s WHERE upload_id = %s AND state = 'open'",
            (upload["expires"], upload["upload_id"]),
        )


async def keep_digests(database: Database, upload_id: str, digests: Sequence[ChunkDigest]) -> None:
    """Record digests of chunks; one that came again replaces the one before."""
    if digests:
        await database.write(
            """INSERT INTO upload_chunks (upload_id, chunk_index, byte_start, byte_end, sha256)
               SELECT open.upload_id, d.* FROM
                 -- Held until this is committed: digests never outlive an upload that goes with its account.
                 (SELECT upload_id FROM uploads WHERE upload_id = %s AND state = 'open' FOR KEY SHARE) open,
                 unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[]) d
               ON CONFLICT (upload_id, chunk_index) DO UPDATE SET byte_start = excluded.byte_start,
               byte_end = excluded.byte_end, sha256 = excluded.sha256
               WHERE upload_chunks.sha256 <> excluded.sha256""",
            (
                upload_id,
                [digest.chunk_index for digest in digests],
                [digest.byte_start for digest in digests],
                [digest.byte_end for digest in digests],
                [digest.sha256 for digest in digests],
            ),
        )


async def missing_chunks(database: Database, upload: Row) -> list[int]:
    """Chunks of a file that is there of which no digest is recorded."""
    last = -(-upload["size_bytes"] // CHUNK_BYTES) - 1
    rows = await database.all(
        """SELECT n AS chunk_index FROM generate_series(0::bigint, %s) n WHERE NOT EXISTS (
             SELECT FROM upload_chunks WHERE upload_id = %s AND chunk_index = n) ORDER BY n""",
        (last, upload["upload_id"]),
    )
    return [row["chunk_index"] for row in rows]


async def drop_digests(database: Database, upload_id: str, offset: int) -> None:
    """Forget the digests of bytes from `offset` on: they were not kept."""
    await database.write(
        "DELETE FROM upload_chunks WHERE upload_id = %s AND byte_end > %s", (upload_id, offset)
    )


async def finish(database: Database, upload: Row, sha256: str) -> str:
    """An upload has become a video, which is new, or the one that the same account brought before; returns its id.

    One that failed before is on its way again. The DAG starter reads the event of the upload's row. Raises
    NotFoundError where the upload has gone with its account while its last bytes came.
    """
    video_id = video_id_of(upload["user_id"], sha256)
    async with database.transaction() as connection:
        # Whoever erases the account waits for this, or this finds nothing (streaming/api/accounts/erasure.py).
        await account_stays(connection, upload["user_id"])
        finished = await connection.execute(
            """UPDATE uploads SET state = 'finished', sha256 = %s, video_id = %s
               WHERE upload_id = %s AND state = 'open'""",
            (sha256, video_id, upload["upload_id"]),
        )
        if not finished.rowcount:
            raise NotFoundError("no such upload any more")
        await connection.execute(
            """INSERT INTO videos (video_id, title, description, uploader_id, size_bytes, sha256, status, created)
               VALUES (%s, %s, %s, %s, %s, %s, 'inspecting', %s)
               ON CONFLICT (video_id) DO UPDATE SET status = 'inspecting', reasons = '{}'
               WHERE videos.status = 'failed'""",
            (
                video_id, upload["title"], upload["description"], upload["user_id"], upload["size_bytes"],
                sha256, datetime.now(UTC),
            ),
        )  # fmt: skip
    return video_id


async def end(database: Database, upload_id: str, state: str) -> bool:
    """An upload comes to nothing: `terminated`, or `expired` where its time is over; whether it did."""
    async with database.transaction() as connection:
        ended = await connection.execute(
            """UPDATE uploads SET state = %s WHERE upload_id = %s AND state = 'open'
               AND (%s <> 'expired' OR expires < now())""",
            (state, upload_id, state),
        )
        if ended.rowcount:
            await connection.execute("DELETE FROM upload_chunks WHERE upload_id = %s", (upload_id,))
    return bool(ended.rowcount)
