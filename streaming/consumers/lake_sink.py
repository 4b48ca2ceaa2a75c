"""Lake sink: outbox consumer that drains events into the lake's `events`, then requests a refresh of the tables.

At most one asset event is posted while a refresh runs: the next one covers what lands meanwhile. While videos are being
ingested the request is delayed: each ingest changes its row several times and needs the machine. That a refresh is due
is committed before the events are drained, so that a sink killed in between requests it later.
"""

from __future__ import annotations

from typing import ClassVar

from schemas.dags import EVENTS_ASSET_URI, INGEST_VIDEO, REFRESH_TABLES
from schemas.errors import DependencyError, NotFoundError
from stores.delta import lake
from stores.outbox.lake_sink import CONSUMER, drain, measure_lag
from stores.postgres import Connection
from streaming.consumers.airflow_client import AirflowClient

__all__ = ["CONSUMER", "LakeSink"]

LONGEST_DELAY_S = 120.0
"""How long running ingests may delay a refresh; the tables promise to be fresh within 600 s."""


class LakeSink:
    """Drains the outbox and requests refreshes."""

    name: ClassVar[str] = CONSUMER
    every_s: ClassVar[float] = 1.5
    """Each turn is a commit: fewer of them leave fewer small files, and rows promise to be in the lake within 5 s."""

    def __init__(self, connection: Connection, airflow: AirflowClient) -> None:
        self._connection = connection
        self._airflow = airflow

    def consume(self) -> int:
        """Drain the settled events, and request a refresh unless one runs; returns how many were drained."""
        waiting = measure_lag(self._connection)
        self._connection.rollback()
        if waiting:
            self._mark_refresh_due()
        drained = drain(self._connection, lake()) if waiting else 0
        if drained:
            print(f"{drained} events", flush=True)
        delayed_s = self._refresh_delay_s()
        if delayed_s is not None:
            self._request_refresh(delayed_s)
        return drained

    def _mark_refresh_due(self) -> None:
        """Record since when a refresh is due; an earlier time stays."""
        self._connection.execute(
            """INSERT INTO consumers (consumer, refresh_due) VALUES (%s, now())
               ON CONFLICT (consumer) DO UPDATE SET refresh_due = coalesce(consumers.refresh_due, now())""",
            (CONSUMER,),
        )
        self._connection.commit()

    def _refresh_delay_s(self) -> float | None:
        """How long a refresh has been due; None if none is."""
        row = self._connection.execute(
            """SELECT extract(epoch FROM now() - refresh_due)::float AS delay_s FROM consumers
               WHERE consumer = %s""",
            (CONSUMER,),
        ).fetchone()
        self._connection.rollback()
        return row["delay_s"] if row else None

    def _request_refresh(self, delayed_s: float) -> None:
        try:
            if self._airflow.count_active_runs(REFRESH_TABLES):
                return
            if delayed_s < LONGEST_DELAY_S and self._airflow.count_active_runs(INGEST_VIDEO):
                return
            self._airflow.post_asset_event(EVENTS_ASSET_URI)
        except (DependencyError, NotFoundError) as error:
            print(f"{CONSUMER}: refresh not requested, will retry: {error.detail}", flush=True)
            return
        self._connection.execute("UPDATE consumers SET refresh_due = NULL WHERE consumer = %s", (CONSUMER,))
        self._connection.commit()
