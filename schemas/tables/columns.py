"""Columns that several tables share."""

from __future__ import annotations

from schemas.table import Column

VIDEO_ID = Column(
    "video_id", "string", "Video; UUIDv5 of uploader and content if `ingest` created it.", identifier=True
)
LAST_EVENT_ID = Column(
    "last_event_id",
    "int64",
    "Newest event in this row; older events never overwrite it. In the lake only.",
    minimum=1,
    derived=True,
)
BYTE_START = Column(
    "byte_start", "int64", "First byte in the source file, from 0.", nullable=True, unit="bytes", minimum=0
)
BYTE_END = Column(
    "byte_end", "int64", "First byte after it in the source file.", nullable=True, unit="bytes", minimum=0
)
RUN_ID = Column("run_id", "string", "DAG run; `<video_id>-<attempt>` for an ingest.")


def declare_created(comment: str) -> Column:
    """`created`: the time at which the row was created."""
    return Column("created", "timestamp", comment)
