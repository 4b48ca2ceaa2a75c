"""The sink's worker: events go into the lake at once, and refreshes are asked for sparingly and never forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest

from schemas.dags import INGEST_VIDEO, REFRESH_TABLES
from schemas.errors import DependencyError
from stores.delta import Lake
from stores.outbox import upsert_row
from stores.postgres import Connection, connect
from streaming.consumers.airflow_client import AirflowClient
from streaming.consumers.lake_sink import CONSUMER, LakeSink


class Airflow:
    """Knows which DAGs run, and counts the events it is told."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.reachable = True
        self.events = 0

    def count_active_runs(self, dag_id: str) -> int:
        return int(dag_id in self.running)

    def post_asset_event(self, _uri: str) -> None:
        if not self.reachable:
            raise DependencyError("away")
        self.events += 1


@pytest.fixture
def airflow() -> Airflow:
    return Airflow()


@pytest.fixture
def worker(connection: Connection, tables: Lake, airflow: Airflow) -> LakeSink:
    return LakeSink(connection, cast("AirflowClient", airflow))


def happen(user_id: str) -> None:
    with connect() as other:
        upsert_row(other, "users", {"user_id": user_id}, {"user_name": user_id, "created": datetime.now(UTC)})


def test_without_a_change_nothing_is_asked_for(worker: LakeSink, airflow: Airflow):
    assert worker.consume() == 0
    assert airflow.events == 0


def test_a_change_is_drained_and_a_refresh_is_asked_for_once(
    worker: LakeSink, airflow: Airflow, tables: Lake
):
    happen("u1")
    assert [worker.consume(), worker.consume()] == [1, 0]
    assert airflow.events == 1
    assert tables.read("events", columns=["row_key"]).to_pylist() == [{"row_key": "u1"}]


def test_while_a_refresh_runs_changes_are_drained_and_wait_for_the_next(worker: LakeSink, airflow: Airflow):
    airflow.running = {REFRESH_TABLES}
    happen("u1")
    happen("u2")
    assert worker.consume() == 2
    assert airflow.events == 0
    airflow.running = set()
    worker.consume()
    assert airflow.events == 1


def test_an_ingest_holds_a_refresh_up_for_a_while_only(worker: LakeSink, airflow: Airflow):
    airflow.running = {INGEST_VIDEO}
    happen("u1")
    worker.consume()
    assert airflow.events == 0
    with connect() as other:
        other.execute(
            "UPDATE consumers SET refresh_due = now() - interval '1 hour' WHERE consumer = %s", (CONSUMER,)
        )
    happen("u2")
    worker.consume()
    assert airflow.events == 1, "the second change did not restart the wait"


def test_while_airflow_is_away_nothing_is_forgotten(
    worker: LakeSink, airflow: Airflow, connection: Connection
):
    airflow.reachable = False
    happen("u1")
    assert worker.consume() == 1
    airflow.reachable = True
    started_again = LakeSink(connection, cast("AirflowClient", airflow))
    assert started_again.consume() == 0
    assert airflow.events == 1
