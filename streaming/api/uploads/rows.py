"""Rows of uploads in PostgreSQL: the upload, the digests of its chunks, and the video that it becomes.

Tests: tests/streaming/api/uploads/test_uploads.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schemas.errors import ConflictError, NotFoundError
from schemas.ids import derive_video_id, new_id
from schemas.rows import IDENTIFIER
from schemas.settings import settings
from schemas.tables.uploads import CHUNK_BYTES
from streaming.accounts.account_lock import lock_account, lock_caller
from streaming.accounts.quota import require_room
from streaming.api.uploads.fields import Metadata
from streaming.api.uploads.file import ChunkDigest
from streaming.serving.database import Database, Row

LIFETIME = timedelta(hours=24)
"""An upload expires so long after its last request."""
EXTENSION_STEP = timedelta(minutes=10)
"""`expires` is extended once it lags by this much, not with every request."""
OPEN_UPLOADS = 1_000
COLUMNS = (
    "upload_id, user_id, title, description, file_name, size_bytes, state, sha256, video_id, expires, created"
)


def find_folder() -> Path:
    """The folder of the files of uploads in progress, on the disk of the media store."""
    return settings().media_path / "uploads"


def find_path(upload_id: str) -> Path:
    """The file of an upload in progress."""
    return find_folder() / upload_id


async def create_upload(database: Database, user_id: str, size_bytes: int, metadata: Metadata) -> Row:
    """Create an upload.

    Raises ConflictError if the account has `OPEN_UPLOADS` open ones, HTTPException (413) if its quota has no room.
    """
    now = datetime.now(UTC)
    async with database.transaction() as connection:
        await lock_caller(connection, user_id)
        await require_room(connection, user_id, size_bytes)
        cursor = await connection.execute(
            f"""INSERT INTO uploads (upload_id, user_id, title, description, file_name, size_bytes, state, expires,
                  created)
                SELECT %s, %s, %s, %s, %s, %s, 'open', %s, %s
                WHERE (SELECT count(*) FROM uploads WHERE user_id = %s AND state = 'open') < {OPEN_UPLOADS}
                RETURNING {COLUMNS}""".encode(),
            (
                new_id(), user_id, metadata.title, metadata.description, metadata.file_name, size_bytes,
                now + LIFETIME, now, user_id,
            ),
        )  # fmt: skip
        upload = await cursor.fetchone()
    if upload is None:
        raise ConflictError(
            f"Too many open uploads: at most {OPEN_UPLOADS} per account; finish or delete some."
        )
    return upload


async def read_upload(database: Database, upload_id: str) -> Row:
    """Read the row of an upload. Raises NotFoundError."""
    if IDENTIFIER.fullmatch(upload_id):
        row = await database.one(f"SELECT {COLUMNS} FROM uploads WHERE upload_id = %s", (upload_id,))
        if row is not None:
            return row
    raise NotFoundError("No such upload.")


async def extend_upload(database: Database, upload: Row) -> None:
    """Extend the expiry of an upload that received bytes."""
    now = datetime.now(UTC)
    if upload["expires"] - now < LIFETIME - EXTENSION_STEP:
        upload["expires"] = now + LIFETIME
        await database.write(
            "UPDATE uploads SET expires = %s WHERE upload_id = %s AND state = 'open'",
            (upload["expires"], upload["upload_id"]),
        )


async def record_digests(database: Database, upload_id: str, digests: Sequence[ChunkDigest]) -> None:
    """Upsert digests of chunks."""
    if digests:
        await database.write(
            """INSERT INTO upload_chunks (upload_id, chunk_index, byte_start, byte_end, sha256)
               SELECT open.upload_id, d.* FROM
                 -- Locked until the commit: digests never outlive an upload that is erased with its account.
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


async def list_missing_chunks(database: Database, upload: Row) -> list[int]:
    """Chunks of a complete file without a recorded digest."""
    last = -(-upload["size_bytes"] // CHUNK_BYTES) - 1
    rows = await database.all(
        """SELECT n AS chunk_index FROM generate_series(0::bigint, %s) n WHERE NOT EXISTS (
             SELECT FROM upload_chunks WHERE upload_id = %s AND chunk_index = n) ORDER BY n""",
        (last, upload["upload_id"]),
    )
    return [row["chunk_index"] for row in rows]


async def delete_digests(database: Database, upload_id: str, offset: int) -> None:
    """Delete the digests of bytes from `offset` on: they were rolled back."""
    await database.write(
        "DELETE FROM upload_chunks WHERE upload_id = %s AND byte_end > %s", (upload_id, offset)
    )


async def finish_upload(database: Database, upload: Row, sha256: str) -> str:
    """Turn an upload into a video, new or already uploaded by the same account; returns its id.

    A video that failed before is ingested again. The DAG starter reads the event of the upload's row. Raises
    NotFoundError if the upload was erased with its account meanwhile.
    """
    video_id = derive_video_id(upload["user_id"], sha256)
    async with database.transaction() as connection:
        # Erasure of the account waits for this lock, or went first (streaming/api/accounts/erasure.py).
        await lock_account(connection, upload["user_id"])
        finished = await connection.execute(
            """UPDATE uploads SET state = 'finished', sha256 = %s, video_id = %s
               WHERE upload_id = %s AND state = 'open'""",
            (sha256, video_id, upload["upload_id"]),
        )
        if not finished.rowcount:
            raise NotFoundError("No such upload: it was deleted.")
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


async def end_upload(database: Database, upload_id: str, state: str) -> bool:
    """End an open upload as `terminated`, or as `expired` if it has; returns whether it did."""
    async with database.transaction() as connection:
        ended = await connection.execute(
            """UPDATE uploads SET state = %s WHERE upload_id = %s AND state = 'open'
               AND (%s <> 'expired' OR expires < now())""",
            (state, upload_id, state),
        )
        if ended.rowcount:
            await connection.execute("DELETE FROM upload_chunks WHERE upload_id = %s", (upload_id,))
    return bool(ended.rowcount)
