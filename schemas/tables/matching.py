"""Which videos share pictures."""

from __future__ import annotations

from schemas.table import Column, Table
from schemas.tables.columns import LAST_EVENT_ID, VIDEO_ID, declare_created
from schemas.tables.live import live_table

MATCHES = Table(
    name="matches",
    comment="Segments of a video that were there before it; a whole match makes it a duplicate.",
    row="one contiguous segment shared by a video and an earlier one",
    key=("video_id", "reference_video_id", "query_start_s"),
    writer="delta-rs",
    owner="deduplication",
    written_by="jobs.match_video",
    fresh_within_s=None,
    made_from=("fingerprints",),
    columns=(
        VIDEO_ID,
        Column("reference_video_id", "string", "The earlier video.", identifier=True),
        Column("query_start_s", "float64", "From when in this video.", unit="s", minimum=0),
        Column("kind", "string", "At least 90 % of both, or less.", allowed=("whole", "part")),
        Column("score", "float64", "How alike, 0 to 1.", minimum=0, maximum=1),
        Column("query_end_s", "float64", "Until when in this video.", unit="s", minimum=0),
        Column("reference_start_s", "float64", "From when in the earlier video.", unit="s", minimum=0),
        Column("reference_end_s", "float64", "Until when in the earlier video.", unit="s", minimum=0),
    ),
)

MATCH_DECISIONS = live_table(
    name="match_decisions",
    comment="Where an operator says that a video is no duplicate of another, whatever their pictures say.",
    row="one video that does not repeat one earlier one",
    key=("video_id", "reference_video_id"),
    owner="live API",
    shard_key="video_id",
    columns=(
        VIDEO_ID,
        Column("reference_video_id", "string", "The earlier video.", identifier=True),
        Column("operator_id", "string", "Who decided it.", identifier=True),
        Column("reason", "string", "Why, as the operator says."),
        declare_created("When it was decided, UTC."),
        LAST_EVENT_ID,
    ),
)
