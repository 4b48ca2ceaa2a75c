"""DAG ids and the asset that connects them: the names that Airflow, its callers and the outbox consumers agree on."""

from __future__ import annotations

INGEST_VIDEO = "ingest_video"
REFRESH_TABLES = "refresh_tables"
MEASURE_ENGAGEMENT = "measure_engagement"
MAINTAIN_LAKE = "maintain_lake"

CONCURRENT_INGESTS = 4
"""Runs of `ingest_video` at a time: `max_active_runs` of the DAG, and slots of ingests that run without Airflow."""
EVENTS_ASSET_URI = "newsreel://lake/events"
"""Asset that the lake sink updates and `refresh_tables` is scheduled on."""
