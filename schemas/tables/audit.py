"""Audit log of operators."""

from __future__ import annotations

from schemas.table import Column
from schemas.tables.columns import LAST_EVENT_ID, declare_created
from schemas.tables.live import live_table

AUDIT_LOG = live_table(
    name="audit_log",
    comment="Actions of operators on other people's objects; append-only.",
    row="one action of one operator",
    key=("audit_id",),
    owner="live API",
    shard_key="object_id",
    indexes=(("object_id",),),
    columns=(
        Column("audit_id", "string", "Id of the action, minted at the edge.", identifier=True),
        Column("operator_id", "string", "Operator.", identifier=True),
        Column(
            "action", "string", "Kind of the action.", allowed=("take_down", "restore", "overrule", "retry")
        ),
        Column("object_id", "string", "Video or post that it was done to.", identifier=True),
        Column("reason", "string", "Reason given by the operator.", nullable=True),
        Column("request_id", "string", "API request of the action.", nullable=True),
        declare_created("Time of the action, UTC."),
        LAST_EVENT_ID,
    ),
)
