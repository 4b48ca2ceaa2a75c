"""Operators: what they do to videos of others is done in one place, with a reason, and written down."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from schemas.settings import settings
from stores.postgres import connect
from tests.streaming.conftest import Person

Join = Callable[..., Person]
AddVideo = Callable[..., str]
REASON = {"reason": "It is not theirs."}


@pytest.fixture
def operator(join: Join, monkeypatch: pytest.MonkeyPatch) -> Person:
    person = join("operator")
    monkeypatch.setenv("NEWSREEL_OPERATORS", f"somebody,{person.user_id}")
    settings.cache_clear()
    return person


def test_a_take_down_hides_a_video_and_can_be_taken_back(
    api: httpx.Client, join: Join, add_video: AddVideo, operator: Person
) -> None:
    ann = join()
    path = f"/v1/videos/{add_video(uploader_id=ann.user_id, package='0' * 64)}"
    assert operator.http.post(f"{path}/take-down", json=REASON).status_code == 204
    assert api.get(path).status_code == 404
    told = ann.http.get(path).json()
    assert (told["status"], told["reasons"], told["playback"]) == ("removed", [REASON["reason"]], None)
    assert ann.http.patch(path, json={"title": "B"}).status_code == 403
    assert operator.http.post(f"{path}/restore", json={"reason": "It is."}).status_code == 204
    assert api.get(path).json()["status"] == "ready"
    log = operator.http.get("/v1/audit-log").json()["items"]
    assert [(act["action"], act["reason"], act["operator_id"]) for act in log] == [
        ("restore", "It is.", operator.user_id),
        ("take_down", REASON["reason"], operator.user_id),
    ]
    with connect() as connection:
        [row] = connection.execute(
            "SELECT count(DISTINCT table_name) AS tables FROM events WHERE request_id = %s",
            (log[0]["request_id"],),
        ).fetchall()
    assert row["tables"] == 2, "row and audit log are one transaction of one request"


def test_a_failed_video_is_tried_again_and_a_ready_one_is_not(add_video: AddVideo, operator: Person) -> None:
    failed = f"/v1/videos/{add_video(status='failed', reasons=['encode: lost'])}"
    assert operator.http.post(f"{failed}/retry", json=REASON).status_code == 202
    assert operator.http.get(failed).json()["status"] == "inspecting"
    ready = f"/v1/videos/{add_video(video_id='v-2')}"
    assert operator.http.post(f"{ready}/retry", json=REASON).status_code == 409
    assert operator.http.post(f"{ready}/restore", json=REASON).status_code == 409


def test_a_duplicate_that_is_none_is_decided_once_and_tried_again(
    add_video: AddVideo, operator: Person
) -> None:
    path = f"/v1/videos/{add_video(status='duplicate', reasons=['all of it is in v-0'], duplicate_of='v-0')}"
    assert operator.http.post(f"{path}/overrule", json=REASON).status_code == 202
    told = operator.http.get(path).json()
    assert (told["status"], told["reasons"]) == ("inspecting", [])
    assert operator.http.post(f"{path}/overrule", json=REASON).status_code == 409
    with connect() as connection:
        [decision] = connection.execute("SELECT * FROM match_decisions").fetchall()
    del decision["created"]
    assert decision == {
        "video_id": "v-1",
        "reference_video_id": "v-0",
        "operator_id": operator.user_id,
        "reason": REASON["reason"],
    }
    [act] = operator.http.get("/v1/audit-log").json()["items"]
    assert (act["action"], act["object_id"]) == ("overrule", "v-1")


def test_what_repeats_nothing_cannot_be_overruled(add_video: AddVideo, operator: Person) -> None:
    for status in ("ready", "failed", "duplicate"):
        path = f"/v1/videos/{add_video(video_id=f'v-{status}', status=status)}"
        assert operator.http.post(f"{path}/overrule", json=REASON).status_code == 409
    assert operator.http.get("/v1/audit-log").json()["items"] == []


def test_an_act_needs_a_reason_and_an_operator(join: Join, add_video: AddVideo, operator: Person) -> None:
    path = f"/v1/videos/{add_video()}"
    assert operator.http.post(f"{path}/take-down", json={}).status_code == 422
    assert join().http.post(f"{path}/take-down", json=REASON).status_code == 403
    assert join().http.get("/v1/audit-log").status_code == 403
