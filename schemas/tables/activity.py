"""Active accounts: who was active on which surface and day, their counts, and retention."""

from __future__ import annotations

from schemas.surfaces import EVERYWHERE, SURFACES
from schemas.table import Column, Table
from schemas.tables.columns import LAST_EVENT_ID, declare_created
from schemas.tables.live import live_table

SKETCH_LOG2_SIZE = 12
"""lgK of the HyperLogLog sketches (Apache DataSketches, HLL_8): one standard deviation is 1.04 / sqrt(2^12) = 1.6 %."""

ACTIVITY = live_table(
    name="activity",
    comment="Accounts that made an authenticated request or sent a chat frame, by day and surface.",
    row="one account, day and surface",
    key=("user_id", "day", "surface"),
    owner="live API",
    shard_key="user_id",
    indexes=(("day",),),
    columns=(
        Column("user_id", "string", "Active account.", identifier=True),
        Column("day", "date", "Day of the activity, UTC."),
        Column("surface", "string", "Part of the product.", allowed=SURFACES),
        declare_created("First activity on that day and surface, UTC."),
        LAST_EVENT_ID,
    ),
)


def _users(name: str, comment: str) -> Column:
    return Column(name, "int64", comment, unit="users", minimum=0)


ACTIVE_USERS_DAILY = Table(
    name="active_users_daily",
    comment="Numbers of active accounts by day and surface, exact and as mergeable sketches.",
    row="one day and surface",
    key=("day", "surface"),
    writer="spark",
    owner="engagement",
    written_by="jobs.measure_engagement",
    fresh_within_s=36 * 3600,
    made_from=("activity",),
    columns=(
        Column("day", "date", "The day, UTC."),
        Column(
            "surface", "string", "Part of the product; all: any of them.", allowed=(*SURFACES, EVERYWHERE)
        ),
        _users("users", "Accounts active on that day."),
        _users("users_7d", "Accounts active on that day or the six days before."),
        _users("users_30d", "Accounts active on that day or the 29 days before."),
        Column(
            "sketch",
            "binary",
            "HyperLogLog sketch of the day's accounts (Apache DataSketches, lgK 12); merged, it counts over days.",
        ),
        _users("users_7d_estimate", "users_7d from merged sketches; standard deviation 1.6 %."),
        _users("users_30d_estimate", "users_30d from merged sketches; standard deviation 1.6 %."),
    ),
)

RETENTION = Table(
    name="retention",
    comment="Accounts of each sign-up day that were active 0 to 30 days later.",
    row="one day of sign-ups and one number of days after it",
    key=("cohort", "days_after"),
    writer="spark",
    owner="engagement",
    written_by="jobs.measure_engagement",
    fresh_within_s=36 * 3600,
    made_from=("users", "activity"),
    columns=(
        Column("cohort", "date", "Day of the sign-up, UTC."),
        Column("days_after", "int64", "Days after the sign-up.", unit="days", minimum=0, maximum=30),
        _users("users", "Accounts of the cohort that still exist."),
        _users("active", "Of these, accounts active on the later day."),
    ),
)
