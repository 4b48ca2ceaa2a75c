"""Columns that several tables share."""

from __future__ import annotations

from schemas.table import Column

VIDEO_ID = Column(
    "video_id", "string", "The video; UUIDv5 of uploader and content where `ingest` made it.", identifier=True
)
LAST_EVENT_ID = Column(
    "last_event_id",
    "int64",
    "The newest event that this row shows; an older one never overwrites it. In the lake alone.",
    minimum=1,
    derived=True,
)
BYTE_START = Column(
    "byte_start", "int64", "First byte in the source file, from 0.", nullable=True, unit="bytes", minimum=0
)
BYTE_END = Column(
    "byte_end", "int64", "First byte after it in the source file.", nullable=True, unit="bytes", minimum=0
)
RUN_ID = Column("run_id", "string", "The DAG run, `<video_id>-<attempt>` for an ingest.")


def declare_created(comment: str) -> Column:
    """`created`: since when there is the row."""
    return Column("created", "timestamp", comment)
