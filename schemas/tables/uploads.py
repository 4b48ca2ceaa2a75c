"""Uploads, and the digests of their chunks."""

from __future__ import annotations

from schemas.table import Column
from schemas.tables.columns import LAST_EVENT_ID, VIDEO_ID, declare_created
from schemas.tables.live import live_table

CHUNK_BYTES = 1 << 20
"""Size of the chunks whose digests are stored; the last one of a file may be smaller."""

UPLOADS = live_table(
    name="uploads",
    comment="Resumable uploads (tus 1.0.0).",
    row="one upload, in progress or ended",
    key=("upload_id",),
    owner="live API",
    shard_key="user_id",
    indexes=(("user_id",), ("state", "expires")),
    columns=(
        Column("upload_id", "string", "Id of the upload, minted at the edge.", identifier=True),
        Column("user_id", "string", "Uploader.", identifier=True),
        Column("title", "string", "Title of the video."),
        Column("description", "string", "Description of the video.", nullable=True),
        Column("file_name", "string", "Name of the uploader's file; never used as a path.", nullable=True),
        Column("size_bytes", "int64", "Size of the whole file.", unit="bytes", minimum=0),
        Column(
            "state",
            "string",
            "State of the upload.",
            allowed=("open", "finished", "terminated", "expired"),
        ),
        Column("sha256", "string", "SHA-256 of the file, once it is complete.", nullable=True),
        Column(
            VIDEO_ID.name,
            "string",
            "Video created from it.",
            nullable=True,
            identifier=True,
        ),
        Column("expires", "timestamp", "Time at which it expires unless more bytes arrive, UTC."),
        declare_created("Time of its creation, UTC."),
        LAST_EVENT_ID,
    ),
)

UPLOAD_CHUNKS = live_table(
    name="upload_chunks",
    comment="Digests of each MiB of an upload, computed as the bytes arrived.",
    row="one chunk of one upload",
    key=("upload_id", "chunk_index"),
    owner="live API",
    shard_key="upload_id",
    columns=(
        Column("upload_id", "string", "Upload.", identifier=True),
        Column("chunk_index", "int64", "Position in the file, from 0.", minimum=0),
        Column("byte_start", "int64", "First byte, from 0.", unit="bytes", minimum=0),
        Column("byte_end", "int64", "First byte after it.", unit="bytes", minimum=1),
        Column("sha256", "string", "SHA-256 of its bytes, 64 hex digits."),
        LAST_EVENT_ID,
    ),
)
