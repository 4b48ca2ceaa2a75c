"""Fixed times for tests of arithmetic on times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from benchmarks.run_times import Span

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def span(start_s: float, end_s: float) -> Span:
    """Interval from `start_s` to `end_s` seconds after noon."""
    return Span(NOON + timedelta(seconds=start_s), NOON + timedelta(seconds=end_s))
