"""Videos and what plays them."""

from __future__ import annotations

from schemas.table import Column, Table
from schemas.tables.columns import LAST_EVENT_ID, VIDEO_ID
from schemas.tables.live import live_table

FINAL_STATUSES = ("ready", "rejected", "duplicate", "removed")
"""Statuses that a repeat of the same ingest leaves as they are."""

VIDEOS = live_table(
    name="videos",
    comment="Every video that somebody brought, also the refused ones.",
    row="one video as it is now",
    key=("video_id",),
    owner="ingest",
    shard_key="video_id",
    indexes=(("uploader_id",), ("package",), ("thumbnail_url",)),
    columns=(
        VIDEO_ID,
        Column("title", "string", "As its uploader wrote it."),
        Column("description", "string", "As its uploader wrote it.", nullable=True),
        Column("size_bytes", "int64", "Size of the source file.", nullable=True, unit="bytes", minimum=0),
        Column("thumbnail_url", "string", "Where its still picture is served.", nullable=True),
        Column("uploader_id", "string", "The account that brought it.", identifier=True),
        Column("likes", "int64", "How many like it now.", minimum=0, default=0),
        Column("dislikes", "int64", "How many dislike it now.", minimum=0, default=0),
        Column("views", "int64", "How often it was really watched.", minimum=0, default=0),
        Column("duration_s", "float64", "Length of what plays.", nullable=True, unit="s", minimum=0),
        Column(
            "status",
            "string",
            "Where it stands; ready, rejected, duplicate and removed are final.",
            allowed=(
                "uploading",
                "inspecting",
                "encoding",
                "ready",
                "rejected",
                "duplicate",
                "failed",
                "removed",
            ),
        ),
        Column("reasons", "list<string>", "Why it is not ready, for a person to act on.", default=()),
        Column(
            "duplicate_of", "string", "The video that it repeats as a whole.", nullable=True, identifier=True
        ),
        Column(
            "visibility",
            "string",
            "Who may see it.",
            allowed=("public", "unlisted", "private"),
            default="public",
        ),
        Column(
            "sha256",
            "string",
            "SHA-256 of the source file, 64 hex digits; null where the row was imported and the file never came.",
            nullable=True,
            derived=True,
        ),
        Column(
            "package",
            "string",
            "Digest that names the published package's folder.",
            nullable=True,
            derived=True,
        ),
        Column("created", "timestamp", "When it was first brought, UTC."),
        LAST_EVENT_ID,
    ),
)

RENDITIONS = Table(
    name="renditions",
    comment="What a published video plays: each picture size and each sound track.",
    row="one rendition of one video",
    key=("video_id", "rendition_id"),
    writer="delta-rs",
    owner="ingest",
    written_by="pipelines.encode_video",
    fresh_within_s=None,
    made_from=("chunks",),
    columns=(
        VIDEO_ID,
        Column("rendition_id", "string", "Codec and size, as in `h264-720p`, `av1-720p` or `aac-128k`."),
        Column("media", "string", "Picture or sound.", allowed=("video", "audio")),
        Column("codec", "string", "Picture: h264, hevc, vp9, av1; sound: aac, opus."),
        Column("width", "int64", "Picture width.", nullable=True, unit="pixels", minimum=1),
        Column("height", "int64", "Picture height.", nullable=True, unit="pixels", minimum=1),
        Column("channels", "int64", "Sound channels.", nullable=True, minimum=1),
        Column("bitrate_bps", "int64", "8 x bytes of media segments / duration.", unit="bit/s", minimum=0),
        Column(
            "peak_bps",
            "int64",
            "Highest rate of any run of segments of 0.5 to 1.5 target durations (RFC 8216).",
            unit="bit/s",
            minimum=0,
        ),
        Column("frames", "int64", "Pictures, exactly as many as the source's.", nullable=True, minimum=1),
        Column("vmaf", "float64", "Mean VMAF; null in the DAG.", nullable=True, minimum=0, maximum=100),
        Column("duration_s", "float64", "Length of the media.", unit="s", minimum=0),
        Column("path", "string", "Its folder inside the package, named by its digest."),
    ),
)
