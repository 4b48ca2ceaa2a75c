"""What operators did to what is not theirs."""

from __future__ import annotations

from schemas.table import Column
from schemas.tables.columns import LAST_EVENT_ID, declare_created
from schemas.tables.live import live_table

AUDIT_LOG = live_table(
    name="audit_log",
    comment="Acts of operators; rows are only ever added.",
    row="one act of one operator",
    key=("audit_id",),
    owner="live API",
    shard_key="object_id",
    indexes=(("object_id",),),
    columns=(
        Column("audit_id", "string", "The act, minted at the edge.", identifier=True),
        Column("operator_id", "string", "Who did it.", identifier=True),
        Column("action", "string", "What was done.", allowed=("take_down", "restore", "overrule", "retry")),
        Column("object_id", "string", "What it was done to, a video or a post.", identifier=True),
        Column("reason", "string", "Why, as the operator says.", nullable=True),
        Column("request_id", "string", "The request by which it was done.", nullable=True),
        declare_created("When it was done, UTC."),
        LAST_EVENT_ID,
    ),
)
