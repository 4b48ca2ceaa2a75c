"""The starter of DAG runs: one run for each finished upload and each retry, however often its event is handled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from schemas.errors import DependencyError
from stores.delta import Lake
from stores.outbox import upsert_row
from stores.outbox.reader import measure_lag
from stores.postgres import Connection, connect
from streaming.consumers.airflow_client import AirflowClient, DagRun
from streaming.consumers.dag_starter import CONSUMER, DagStarter

AT = datetime(2026, 11, 26, tzinfo=UTC)


class Airflow:
    """Knows its runs, as the real one in tests/e2e does."""

    def __init__(self) -> None:
        self.runs: list[DagRun] = []
        self.reachable = True

    def list_runs(self, _dag_id: str, prefix: str) -> list[DagRun]:
        if not self.reachable:
            raise DependencyError("away")
        return [run for run in self.runs if run.run_id.startswith(prefix)]

    def trigger(self, dag_id: str, run_id: str, params: Mapping[str, Any]) -> None:
        self.runs.append(DagRun(dag_id, run_id, "running", None, None, dict(params)))


@pytest.fixture
def airflow() -> Airflow:
    return Airflow()


@pytest.fixture
def starter(connection: Connection, tables: Lake, airflow: Airflow) -> DagStarter:
    return DagStarter(connection, cast("AirflowClient", airflow))


def video(status: str = "inspecting") -> None:
    row = {"title": "A", "uploader_id": "u", "status": status, "created": AT}
    with connect() as other:
        upsert_row(other, "videos", {"video_id": "v"}, row)


def upload(state: str, request_id: str = "r1") -> None:
    row = {"user_id": "u", "title": "A", "size_bytes": 1, "state": state, "expires": AT, "created": AT}
    with connect() as other:
        other.execute("SELECT set_config('newsreel.request_id', %s, true)", (request_id,))
        upsert_row(
            other, "uploads", {"upload_id": "up"}, row | {"video_id": "v" if state == "finished" else None}
        )


def act(number: int, action: str = "retry") -> None:
    row = {"operator_id": "o", "action": action, "object_id": "v", "created": AT}
    with connect() as other:
        upsert_row(other, "audit_log", {"audit_id": f"a{number}"}, row)


def test_a_finished_upload_has_one_run_that_knows_its_request(
    starter: DagStarter, airflow: Airflow, connection: Connection
) -> None:
    video()
    upload("open")
    assert starter.consume() == 1
    assert airflow.runs == []
    upload("finished")
    starter.consume()
    [run] = airflow.runs
    assert (run.run_id, run.conf["video_id"], run.conf["request_id"]) == ("v-1", "v", "r1")
    assert measure_lag(connection, CONSUMER) == 0


def test_an_event_that_is_handled_again_starts_nothing_again(
    starter: DagStarter, airflow: Airflow, connection: Connection
) -> None:
    video("failed")
    upload("finished")
    act(1)
    starter.consume()
    assert [run.run_id for run in airflow.runs] == ["v-1", "v-2"]
    connection.execute("DELETE FROM consumers")
    connection.commit()
    starter.consume()
    assert [run.run_id for run in airflow.runs] == ["v-1", "v-2"]


@pytest.mark.parametrize("action", ["retry", "overrule"])
def test_an_operator_may_have_it_run_once_more(starter: DagStarter, airflow: Airflow, action: str) -> None:
    video()
    act(1, action)
    starter.consume()
    assert [run.run_id for run in airflow.runs] == ["v-1"]


def test_a_video_that_has_its_answer_is_not_run_again(starter: DagStarter, airflow: Airflow) -> None:
    video("ready")
    upload("finished")
    starter.consume()
    assert airflow.runs == []


def test_while_airflow_is_away_the_event_waits(starter: DagStarter, airflow: Airflow) -> None:
    video()
    upload("finished")
    airflow.reachable = False
    with pytest.raises(DependencyError):
        starter.consume()
    airflow.reachable = True
    starter.consume()
    assert len(airflow.runs) == 1
