"""Times made up for arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from benchmarks.run_times import Span

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def span(start_s: float, end_s: float) -> Span:
    """From so many seconds after noon until so many."""
    return Span(NOON + timedelta(seconds=start_s), NOON + timedelta(seconds=end_s))
