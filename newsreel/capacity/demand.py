"""Demand of all users: requests, events, bandwidth and storage. Rates are means of a day; a peak is a multiple.

Tests: tests/newsreel/test_capacity.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from newsreel.capacity.habits import Habits
from newsreel.capacity.unit_costs import UnitCosts

DAY_S = 86_400
DECISIONS_A_READ, DECISIONS_A_WRITE = 1, 2
"""Rate limits checked per request (`streaming/api/limits.py`): `requests`, and for writes `writes` as well."""


@dataclass(frozen=True)
class StoredData:
    """One kind of stored data: bytes added per day (one copy), and days until deletion (None: never)."""

    kind: str
    bytes_per_day: float
    days: float | None = None

    def compute_bytes(self, days: float) -> float:
        """Compute the bytes stored after a number of days."""
        return self.bytes_per_day * (days if self.days is None else min(days, self.days))


@dataclass(frozen=True)
class Demand:
    """Demand of all users together."""

    reads_per_s: float
    writes_per_s: float
    decisions_per_s: float
    """Rate limit decisions."""
    media_requests_per_s: float
    events_per_day: float
    uploads_per_day: float
    video_s_per_day: float
    upload_bytes_per_s: float
    watched_bytes_per_s: float
    """Fetched by players, from an edge cache or from the origin."""
    origin_bytes_per_s: float
    """Fetched from the origin: misses of the edge cache."""
    encode_core_s_per_day: float
    refresh_core_s_per_day: float
    redis_bytes: float
    """Upper bound: limiter keys of all of the day's users at once."""
    stored: tuple[StoredData, ...]

    def sum_stored_bytes(self, days: float) -> float:
        """Sum up one copy of everything stored after a number of days."""
        return sum(data.compute_bytes(days) for data in self.stored)


def estimate_demand(habits: Habits, costs: UnitCosts, segment_s: float) -> Demand:
    """Estimate the demand; a player sends one request for each `segment_s` of video and of audio."""
    actions = habits.likes + habits.comments + habits.posts + habits.follows
    writing_actions = habits.views * habits.reports + actions
    events_per_day = habits.dau * (writing_actions + habits.other_events)
    reads_per_s = habits.dau * habits.sessions * habits.reads / DAY_S
    writes_per_s = habits.dau * (writing_actions + habits.sessions * habits.writes) / DAY_S
    watched_s_per_s = habits.dau * habits.views * habits.watch_minutes * 60 / DAY_S
    uploads_per_day = habits.dau * habits.uploads
    length_s = habits.upload_minutes * 60
    video_s_per_day = uploads_per_day * length_s
    watched_bytes_per_s = watched_s_per_s * costs.watched_bytes
    refresh_core_s_per_day = (
        costs.refresh_core_s.fixed * habits.refreshes + costs.refresh_core_s.each * events_per_day
    )
    return Demand(
        reads_per_s=reads_per_s,
        writes_per_s=writes_per_s,
        decisions_per_s=reads_per_s * DECISIONS_A_READ + writes_per_s * DECISIONS_A_WRITE,
        media_requests_per_s=2 * watched_s_per_s / segment_s,
        events_per_day=events_per_day,
        uploads_per_day=uploads_per_day,
        video_s_per_day=video_s_per_day,
        upload_bytes_per_s=video_s_per_day * costs.source_bytes / DAY_S,
        watched_bytes_per_s=watched_bytes_per_s,
        origin_bytes_per_s=watched_bytes_per_s * (1 - habits.edge_share),
        encode_core_s_per_day=uploads_per_day * costs.ingest_core_s.compute(length_s),
        refresh_core_s_per_day=refresh_core_s_per_day,
        redis_bytes=habits.dau * DECISIONS_A_WRITE * costs.redis_key_bytes,
        stored=(
            StoredData("sources", video_s_per_day * costs.source_bytes),
            StoredData("packages", video_s_per_day * costs.package_bytes),
            StoredData("encoded chunks", video_s_per_day * costs.kept_bytes),
            StoredData("rows in PostgreSQL", habits.dau * (habits.views + actions) * costs.row_bytes),
            StoredData("outbox in PostgreSQL", events_per_day * costs.outbox_bytes, habits.retention_days),
            StoredData("events in the lake", costs.event_bytes.compute(events_per_day)),
            StoredData(
                "tables in the lake",
                costs.table_bytes.compute(events_per_day) + video_s_per_day * costs.video_lake_bytes,
            ),
        ),
    )
