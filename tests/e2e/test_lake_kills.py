"""Kills of consumers, Spark, Airflow and PostgreSQL under load: every event in the lake exactly once.

Four points of `newsreel bench lake --only kills`, one of each; the bench runs as many as one has time for.
"""

from __future__ import annotations

import pytest

from benchmarks.lake.kills import measure

pytestmark = pytest.mark.timeout(3600)


def test_nothing_is_lost_or_twice_and_a_replay_from_nothing_makes_the_same_tables() -> None:
    figures = {figure.name: figure for figure in measure(4, 1, None, print)}
    assert [figure.name for figure in figures.values() if not figure.passes] == []
    assert figures["kills: victims that were not there"].value == 0
    events = figures["kills: events written under them"].value
    assert events is not None
    assert events > 100
