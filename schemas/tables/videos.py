"""Videos, and the renditions of their packages."""

from __future__ import annotations

from schemas.table import Column, Table
from schemas.tables.columns import LAST_EVENT_ID, VIDEO_ID
from schemas.tables.live import live_table

FINAL_STATUSES = ("ready", "rejected", "duplicate", "removed")
"""Statuses that a repeat of the same ingest does not change."""

VIDEOS = live_table(
    name="videos",
    comment="All videos, including rejected ones.",
    row="one video in its current state",
    key=("video_id",),
    owner="ingest",
    shard_key="video_id",
    indexes=(("uploader_id",), ("package",), ("thumbnail_url",)),
    columns=(
        VIDEO_ID,
        Column("title", "string", "Title, by its uploader."),
        Column("description", "string", "Description, by its uploader.", nullable=True),
        Column("size_bytes", "int64", "Size of the source file.", nullable=True, unit="bytes", minimum=0),
        Column("thumbnail_url", "string", "URL path of its thumbnail.", nullable=True),
        Column("uploader_id", "string", "Account that uploaded it.", identifier=True),
        Column("likes", "int64", "Current number of likes.", minimum=0, default=0),
        Column("dislikes", "int64", "Current number of dislikes.", minimum=0, default=0),
        Column("views", "int64", "Number of viewing sessions.", minimum=0, default=0),
        Column("duration_s", "float64", "Playing time.", nullable=True, unit="s", minimum=0),
        Column(
            "status",
            "string",
            "State of its processing; ready, rejected, duplicate and removed are final.",
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
        Column("reasons", "list<string>", "Reasons why it is not ready, for a person to act on.", default=()),
        Column("duplicate_of", "string", "Video of which it is a duplicate.", nullable=True, identifier=True),
        Column(
            "visibility",
            "string",
            "Audience chosen by its uploader.",
            allowed=("public", "unlisted", "private"),
            default="public",
        ),
        Column(
            "sha256",
            "string",
            "SHA-256 of the source file, 64 hex digits; null for an imported row without a file.",
            nullable=True,
            derived=True,
        ),
        Column(
            "package",
            "string",
            "Digest of the published package, the name of its folder.",
            nullable=True,
            derived=True,
        ),
        Column("created", "timestamp", "Time of its first upload, UTC."),
        LAST_EVENT_ID,
    ),
)

RENDITIONS = Table(
    name="renditions",
    comment="Renditions of published videos: each picture size and each sound track.",
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
        Column("media", "string", "Kind of media.", allowed=("video", "audio")),
        Column("codec", "string", "Video: h264, hevc, vp9, av1; audio: aac, opus."),
        Column("width", "int64", "Picture width.", nullable=True, unit="pixels", minimum=1),
        Column("height", "int64", "Picture height.", nullable=True, unit="pixels", minimum=1),
        Column("channels", "int64", "Audio channels.", nullable=True, minimum=1),
        Column("bitrate_bps", "int64", "8 x bytes of media segments / duration.", unit="bit/s", minimum=0),
        Column(
            "peak_bps",
            "int64",
            "Highest bit rate of any contiguous segments of 0.5 to 1.5 target durations (RFC 8216).",
            unit="bit/s",
            minimum=0,
        ),
        Column("frames", "int64", "Pictures; equal to those of the source.", nullable=True, minimum=1),
        Column(
            "vmaf",
            "float64",
            "Mean VMAF; null unless measured, which the DAG does not.",
            nullable=True,
            minimum=0,
            maximum=100,
        ),
        Column("duration_s", "float64", "Playing time.", unit="s", minimum=0),
        Column("path", "string", "Folder inside the package, named by its digest."),
    ),
)
