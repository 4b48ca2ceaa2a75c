"""Matches between videos, and operators' decisions about them."""

from __future__ import annotations

from schemas.table import Column, Table
from schemas.tables.columns import LAST_EVENT_ID, VIDEO_ID, declare_created
from schemas.tables.live import live_table

MATCHES = Table(
    name="matches",
    comment="Segments of a video that an earlier video contains; a whole match makes it a duplicate.",
    row="one contiguous segment shared by a video and an earlier one",
    key=("video_id", "reference_video_id", "query_start_s"),
    writer="delta-rs",
    owner="deduplication",
    written_by="jobs.match_video",
    fresh_within_s=None,
    made_from=("fingerprints",),
    columns=(
        VIDEO_ID,
        Column("reference_video_id", "string", "Earlier video.", identifier=True),
        Column("query_start_s", "float64", "Start of the segment in this video.", unit="s", minimum=0),
        Column(
            "kind", "string", "whole: at least 90 % of both videos; part: less.", allowed=("whole", "part")
        ),
        Column("score", "float64", "Similarity, 0 to 1.", minimum=0, maximum=1),
        Column("query_end_s", "float64", "End of the segment in this video.", unit="s", minimum=0),
        Column(
            "reference_start_s", "float64", "Start of the segment in the earlier video.", unit="s", minimum=0
        ),
        Column("reference_end_s", "float64", "End of the segment in the earlier video.", unit="s", minimum=0),
    ),
)

MATCH_DECISIONS = live_table(
    name="match_decisions",
    comment="Operators' decisions that a video is not a duplicate of an earlier one despite their match.",
    row="one video and one earlier video that it is not a duplicate of",
    key=("video_id", "reference_video_id"),
    owner="live API",
    shard_key="video_id",
    columns=(
        VIDEO_ID,
        Column("reference_video_id", "string", "Earlier video.", identifier=True),
        Column("operator_id", "string", "Operator who decided.", identifier=True),
        Column("reason", "string", "Reason given by the operator."),
        declare_created("Time of the decision, UTC."),
        LAST_EVENT_ID,
    ),
)
