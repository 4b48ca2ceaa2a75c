"""Files on their way in: each upload, and the digest of each piece of it."""

from __future__ import annotations

from schemas.table import Column
from schemas.tables.columns import LAST_EVENT_ID, VIDEO_ID, declare_created
from schemas.tables.live import live_table

CHUNK_BYTES = 1 << 20
"""How long the pieces are whose digests are kept; the last one is shorter."""

UPLOADS = live_table(
    name="uploads",
    comment="Files that people bring in pieces, resumable (tus 1.0.0).",
    row="one file that somebody brings or has brought",
    key=("upload_id",),
    owner="live API",
    shard_key="user_id",
    indexes=(("user_id",), ("state", "expires")),
    columns=(
        Column("upload_id", "string", "The upload, minted at the edge.", identifier=True),
        Column("user_id", "string", "Who brings it.", identifier=True),
        Column("title", "string", "What its video will be called."),
        Column("description", "string", "What its video will be about.", nullable=True),
        Column("file_name", "string", "What its owner calls the file; no path of ours.", nullable=True),
        Column("size_bytes", "int64", "How long it is in all.", unit="bytes", minimum=0),
        Column(
            "state",
            "string",
            "Whether all of it is there.",
            allowed=("open", "finished", "terminated", "expired"),
        ),
        Column("sha256", "string", "SHA-256 of the whole file once it is there.", nullable=True),
        Column(
            VIDEO_ID.name,
            "string",
            "The video that it has become.",
            nullable=True,
            identifier=True,
        ),
        Column("expires", "timestamp", "When what is there goes, unless more comes, UTC."),
        declare_created("When it was announced, UTC."),
        LAST_EVENT_ID,
    ),
)

UPLOAD_CHUNKS = live_table(
    name="upload_chunks",
    comment="A digest for each MiB of an upload, taken as its bytes arrived.",
    row="one range of bytes of one upload",
    key=("upload_id", "chunk_index"),
    owner="live API",
    shard_key="upload_id",
    columns=(
        Column("upload_id", "string", "The upload.", identifier=True),
        Column("chunk_index", "int64", "Place in the file, from 0.", minimum=0),
        Column("byte_start", "int64", "First byte, from 0.", unit="bytes", minimum=0),
        Column("byte_end", "int64", "First byte after it.", unit="bytes", minimum=1),
        Column("sha256", "string", "SHA-256 of these bytes, 64 hex digits."),
        LAST_EVENT_ID,
    ),
)
