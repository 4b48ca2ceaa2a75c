"""DAG ids, run limits and the asset that connects DAGs: what Airflow, its callers and the outbox consumers share.

Tests: tests/dags/test_policy.py.
"""

from __future__ import annotations

INGEST_VIDEO = "ingest_video"
REFRESH_TABLES = "refresh_tables"
MEASURE_ENGAGEMENT = "measure_engagement"
MAINTAIN_LAKE = "maintain_lake"

CONCURRENT_INGESTS = 4
"""Runs of `ingest_video` at a time, on a scheduler and of ingests that run without one."""
ONE_AT_A_TIME = 1
"""Runs of every other DAG at a time: they write tables that one run writes at a time."""
EVENTS_ASSET = "events"
EVENTS_ASSET_URI = "newsreel://lake/events"
"""Asset that the lake sink updates and `refresh_tables` is scheduled on."""
REFRESH_APP_ID = "refresh_tables"
"""Delta application id of the refresh's commits: its version in `videos` is the version of `events` that was merged."""
