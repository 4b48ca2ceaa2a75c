"""Who was active, and how many that makes."""

from __future__ import annotations

from schemas.surfaces import EVERYWHERE, SURFACES
from schemas.table import Column, Table
from schemas.tables.columns import LAST_EVENT_ID, declare_created
from schemas.tables.live import live_table

SKETCH_LOG2_SIZE = 12
"""lgK of the HyperLogLog sketches (Apache DataSketches, HLL_8): one standard deviation is 1.04 / sqrt(2^12) = 1.6 %."""

ACTIVITY = live_table(
    name="activity",
    comment="Who was active where on which day: made an authenticated request, or sent a chat frame.",
    row="one account, day and surface",
    key=("user_id", "day", "surface"),
    owner="live API",
    shard_key="user_id",
    indexes=(("day",),),
    columns=(
        Column("user_id", "string", "Who was active.", identifier=True),
        Column("day", "date", "On which day, UTC."),
        Column("surface", "string", "Where in the product.", allowed=SURFACES),
        declare_created("When they were first seen there on that day, UTC."),
        LAST_EVENT_ID,
    ),
)


def _users(name: str, comment: str) -> Column:
    return Column(name, "int64", comment, unit="users", minimum=0)


ACTIVE_USERS_DAILY = Table(
    name="active_users_daily",
    comment="How many accounts were active, by day and surface: exactly, and as sketches that can be merged.",
    row="one day and surface",
    key=("day", "surface"),
    writer="spark",
    owner="engagement",
    written_by="jobs.measure_engagement",
    fresh_within_s=36 * 3600,
    made_from=("activity",),
    columns=(
        Column("day", "date", "The day, UTC."),
        Column("surface", "string", "Where in the product; all: anywhere.", allowed=(*SURFACES, EVERYWHERE)),
        _users("users", "Active on that day."),
        _users("users_7d", "Active on that day or in the six before."),
        _users("users_30d", "Active on that day or in the 29 before."),
        Column(
            "sketch",
            "binary",
            "HyperLogLog sketch of the day's users (Apache DataSketches, lgK 12): merge some days' to count over them.",
        ),
        _users("users_7d_estimate", "users_7d from merged sketches; one standard deviation is 1.6 %."),
        _users("users_30d_estimate", "users_30d from merged sketches; one standard deviation is 1.6 %."),
    ),
)

RETENTION = Table(
    name="retention",
    comment="How many of those who signed up on a day were active so many days later.",
    row="one day of sign-ups, and one distance from it",
    key=("cohort", "days_after"),
    writer="spark",
    owner="engagement",
    written_by="jobs.measure_engagement",
    fresh_within_s=36 * 3600,
    made_from=("users", "activity"),
    columns=(
        Column("cohort", "date", "The day on which these accounts were made, UTC."),
        Column("days_after", "int64", "How many days later.", unit="days", minimum=0, maximum=30),
        _users("users", "Accounts that were made on the day and are still there."),
        _users("active", "Of them, active on the later day."),
    ),
)
