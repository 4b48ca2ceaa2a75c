"""What people ask for: requests, events, bandwidth, bytes to keep. All are means of a day; a peak is a multiple."""

from __future__ import annotations

from dataclasses import dataclass

from newsreel.capacity.habits import Habits
from newsreel.capacity.unit_costs import UnitCosts

DAY_S = 86_400
DECISIONS_A_READ, DECISIONS_A_WRITE = 1, 2
"""Limits that the API holds a request to (`streaming/api/limits.py`): `requests`, and `writes` as well."""


@dataclass(frozen=True)
class Stored:
    """Bytes of one kind, a copy of them: so many more each day, kept for so many days or for good (None)."""

    kind: str
    bytes_per_day: float
    days: float | None = None

    def after(self, days: float) -> float:
        """What there is after so many days."""
        return self.bytes_per_day * (days if self.days is None else min(days, self.days))


@dataclass(frozen=True)
class Demand:
    """Of all users together."""

    reads_per_s: float
    writes_per_s: float
    decisions_per_s: float
    """Of rate limits."""
    media_requests_per_s: float
    events_per_day: float
    uploads_per_day: float
    video_s_per_day: float
    upload_bytes_per_s: float
    watched_bytes_per_s: float
    """What players fetch, from an edge cache or from us."""
    origin_bytes_per_s: float
    """Of that, what an edge cache leaves to us."""
    encode_core_s_per_day: float
    refresh_core_s_per_day: float
    redis_bytes: float
    """If the limits' keys of all of the day's users were there at once."""
    stored: tuple[Stored, ...]

    def stored_bytes(self, days: float) -> float:
        """A copy of everything after so many days."""
        return sum(one.after(days) for one in self.stored)


def demand(habits: Habits, costs: UnitCosts, segment_s: float) -> Demand:
    """What these habits ask for; a player asks once for each `segment_s` of picture and of sound."""
    acts = habits.likes + habits.comments + habits.posts + habits.follows
    told = habits.views * habits.reports + acts
    events_per_day = habits.dau * (told + habits.other_events)
    reads_per_s = habits.dau * habits.sessions * habits.reads / DAY_S
    writes_per_s = habits.dau * (told + habits.sessions * habits.writes) / DAY_S
    watched_s_per_s = habits.dau * habits.views * habits.watch_minutes * 60 / DAY_S
    uploads_per_day = habits.dau * habits.uploads
    length_s = habits.upload_minutes * 60
    video_s_per_day = uploads_per_day * length_s
    watched_bytes_per_s = watched_s_per_s * costs.watched_bytes
    refreshed = costs.refresh_core_s.fixed * habits.refreshes + costs.refresh_core_s.each * events_per_day
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
        encode_core_s_per_day=uploads_per_day * costs.ingest_core_s.at(length_s),
        refresh_core_s_per_day=refreshed,
        redis_bytes=habits.dau * DECISIONS_A_WRITE * costs.redis_key_bytes,
        stored=(
            Stored("sources", video_s_per_day * costs.source_bytes),
            Stored("packages", video_s_per_day * costs.package_bytes),
            Stored("encoded chunks", video_s_per_day * costs.kept_bytes),
            Stored("rows in PostgreSQL", habits.dau * (habits.views + acts) * costs.row_bytes),
            Stored("outbox in PostgreSQL", events_per_day * costs.outbox_bytes, habits.retention_days),
            Stored("events in the lake", costs.event_bytes.at(events_per_day)),
            Stored(
                "tables in the lake",
                costs.table_bytes.at(events_per_day) + video_s_per_day * costs.video_lake_bytes,
            ),
        ),
    )
