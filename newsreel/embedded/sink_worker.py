"""The sink's worker: events of the outbox go into the lake, and Airflow is told so.

At most one asset event is posted while a refresh runs: what lands meanwhile is taken by the next one. While videos are
being ingested it waits a little: each of them changes its row several times, and wants the machine for itself. That
something waits is written down before it is drained, so that a worker that is killed in between tells it later.
"""

from __future__ import annotations

import time
from pathlib import Path

from newsreel.embedded.airflow_client import AirflowClient
from schemas.errors import DependencyError, NotFoundError
from stores.delta import lake
from stores.outbox.lake_sink import drain, lag
from stores.postgres import Connection

ASSET_URI = "newsreel://lake/events"
REFRESH_DAG = "refresh_tables"
INGEST_DAG = "ingest_video"
_PATIENCE_S = 120.0
"""How long running ingests may hold a refresh up; the tables promise to be fresh within 600 s."""


class SinkWorker:
    """Drains the outbox of one HOME, and asks for a refresh of the tables after it has."""

    def __init__(self, home: Path, connection: Connection, airflow: AirflowClient) -> None:
        self._connection = connection
        self._airflow = airflow
        self._unrefreshed = home / "sink.unrefreshed"

    def turn(self) -> int:
        """Drain what is settled, and ask for a refresh unless one runs; returns how many events were drained."""
        waiting = lag(self._connection)
        self._connection.rollback()
        if waiting:
            self._mark()
        drained = drain(self._connection, lake()) if waiting else 0
        if self._unrefreshed.exists():
            self._ask_for_refresh()
        return drained

    def _mark(self) -> None:
        # The file's time stays that of the first change that waits.
        if not self._unrefreshed.exists():
            self._unrefreshed.touch()

    def _ask_for_refresh(self) -> None:
        try:
            if self._airflow.active_runs(REFRESH_DAG):
                return
            waited_s = time.time() - self._unrefreshed.stat().st_mtime
            if waited_s < _PATIENCE_S and self._airflow.active_runs(INGEST_DAG):
                return
            self._airflow.post_asset_event(ASSET_URI)
        except (DependencyError, NotFoundError) as error:
            # Airflow starts beside us, and may be started again at any time: the mark stays, and the next turn tries.
            print(f"no refresh yet: {error.detail}", flush=True)
            return
        self._unrefreshed.unlink()
