"""DAG starter: outbox consumer that starts the ingest DAG for finished uploads and operators' retries and overrules.

The cursor passes an event once Airflow has its run. A run's `conf` has the id of its event, so that an event that is
handled twice starts one run.
"""

from __future__ import annotations

import json
from typing import ClassVar

from schemas.dags import INGEST_VIDEO
from schemas.tables.videos import FINAL_STATUSES
from stores.delta import lake
from stores.outbox import find_row
from stores.outbox.reader import Event, handle_events
from stores.postgres import Connection
from streaming.consumers.airflow_client import AirflowClient
from streaming.consumers.runs import list_runs, next_run_id

CONSUMER = "dag-starter"
TABLES = ("uploads", "audit_log")
RERUN_ACTIONS = ("retry", "overrule")
"""Acts of operators that rerun an ingest."""


class DagStarter:
    """Starts ingests for events."""

    name: ClassVar[str] = CONSUMER
    every_s: ClassVar[float] = 0.5

    def __init__(self, connection: Connection, airflow: AirflowClient) -> None:
        self._connection, self._airflow = connection, airflow

    def consume(self) -> int:
        """Handle the settled events; returns how many. Raises DependencyError while Airflow is unavailable."""
        return handle_events(self._connection, CONSUMER, TABLES, self._handle)

    def _handle(self, event: Event) -> None:
        if event["kind"] != "upserted":
            return
        row = json.loads(event["row"])
        if event["table_name"] == "uploads" and row["state"] == "finished":
            self._start(row["video_id"], event, joins=True)
        elif event["table_name"] == "audit_log" and row["action"] in RERUN_ACTIONS:
            self._start(row["object_id"], event, joins=False)

    def _start(self, video_id: str, event: Event, *, joins: bool) -> None:
        """Start a run unless this event has one already, or the video has a final status.

        `joins`: an unfinished run suffices; otherwise another is started, whose first stage takes over the video.
        """
        known = list_runs(self._airflow, video_id)
        if any(run.conf.get("event_id") == event["event_id"] for run in known):
            return
        if joins and any(not run.finished for run in known):
            return
        video = find_row(self._connection, "videos", {"video_id": video_id})
        self._connection.commit()
        if video is None or video["status"] in FINAL_STATUSES:
            return
        run_id = next_run_id(lake(), video_id, [run.run_id for run in known])
        params = {"video_id": video_id, "request_id": event["request_id"], "event_id": event["event_id"]}
        self._airflow.trigger(INGEST_VIDEO, run_id, params)
        print(f"run {run_id} for event {event['event_id']}", flush=True)
