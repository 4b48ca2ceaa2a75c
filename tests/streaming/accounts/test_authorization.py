"""Permissions of videos, comments, shares and uploads: every cell of the table, requested from the served API."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from schemas.permissions import PERMISSIONS, Kind, Relation, Verdict
from schemas.settings import settings
from tests.streaming.conftest import Person

Join = Callable[..., Person]
AddVideo = Callable[..., str]
TUS = {"Tus-Resumable": "1.0.0"}
REFUSED = {Verdict.LOG_IN: 401, Verdict.FORBID: 403, Verdict.HIDE: 404}
STATES = {
    "public": {"visibility": "public"},
    "unlisted": {"visibility": "unlisted"},
    "private": {"visibility": "private"},
    "unready": {"status": "encoding"},
    "removed": {"status": "removed"},
}
People = dict[Relation, httpx.Client]
ACTIONS: dict[str, list[Callable[[httpx.Client, str], httpx.Response]]] = {
    "read": [lambda who, path: who.get(path), lambda who, path: who.get(f"{path}/comments")],
    "react": [
        lambda who, path: who.put(f"{path}/reaction", json={"kind": "like"}),
        lambda who, path: who.delete(f"{path}/reaction"),
    ],
    "view": [lambda who, path: who.post(f"{path}/views", json={"session_id": "s", "watched_s": 1})],
    "comment": [lambda who, path: who.post(f"{path}/comments", json={"text": "x"})],
    "share": [lambda who, path: who.post(f"{path}/shares", json={"expires_in_s": 60})],
    "edit": [lambda who, path: who.patch(path, json={"description": "x"})],
    "delete": [lambda who, path: who.delete(path)],
    "operate": [lambda who, path: who.post(f"{path}/take-down", json={"reason": "x"})],
}
"""The requests that are an action on a video. Those that end it stand last."""


@pytest.fixture
def people(api: httpx.Client, join: Join, monkeypatch: pytest.MonkeyPatch) -> People:
    """Somebody for each relation; the owner is "owner", the host of others' comments and links "host"."""
    persons = {relation: join(relation.value) for relation in Relation if relation is not Relation.ANYONE}
    monkeypatch.setenv("NEWSREEL_OPERATORS", persons[Relation.OPERATOR].user_id)
    settings.cache_clear()
    return {Relation.ANYONE: api, **{relation: person.http for relation, person in persons.items()}}


def find_user_id(who: httpx.Client, api: httpx.Client) -> str:
    """The account behind a client: it is the one that may read its own personal fields."""
    return str(who.post("/v1/posts", json={"content": "x"}).json()["user_id"])


def test_every_state_and_action_of_a_video_is_asked_for() -> None:
    assert PERMISSIONS["video"].keys() == STATES.keys()
    assert all(actions.keys() == ACTIONS.keys() for actions in PERMISSIONS["video"].values())


@pytest.mark.parametrize("state", STATES)
def test_videos(api: httpx.Client, people: People, add_video: AddVideo, state: str) -> None:
    owner_id = find_user_id(people[Relation.OWNER], api)
    for action, requests in ACTIONS.items():
        for relation, verdict in PERMISSIONS["video"][state][action].items():
            video_id = add_video(video_id=f"{action}-{relation}", uploader_id=owner_id, **STATES[state])
            for request in requests:
                answer = request(people[relation], f"/v1/videos/{video_id}")
                where = f"{state} {action} {relation}: {answer.status_code} {answer.text}"
                if verdict is Verdict.ALLOW:
                    assert answer.is_success, where
                else:
                    assert answer.status_code == REFUSED[verdict], where


@pytest.mark.parametrize("kind", ["comment", "share"])
def test_what_hangs_on_a_video(api: httpx.Client, people: People, add_video: AddVideo, kind: Kind) -> None:
    host_id = find_user_id(people[Relation.HOST], api)
    path = f"/v1/videos/{add_video(uploader_id=host_id)}"
    bodies = {"comment": ("comments", {"text": "x"}), "share": ("shares", {"expires_in_s": 60})}
    name, body = bodies[kind]
    for relation, verdict in PERMISSIONS[kind]["there"]["delete"].items():
        made = people[Relation.OWNER].post(f"{path}/{name}", json=body)
        assert made.status_code == 201
        answer = people[relation].delete(made.headers["location"])
        assert answer.status_code == REFUSED.get(verdict, 204), f"{kind} {relation}: {answer.text}"


def test_uploads(people: People) -> None:
    for relation in (Relation.ANYONE, Relation.MEMBER, Relation.OWNER, Relation.OPERATOR):
        made = people[Relation.OWNER].post("/v1/uploads", headers=TUS | {"Upload-Length": "10"})
        url = made.headers["location"]
        read = people[relation].head(url, headers=TUS)
        assert read.status_code == REFUSED.get(PERMISSIONS["upload"]["there"]["read"][relation], 200)
        write = people[relation].delete(url, headers=TUS)
        assert write.status_code == REFUSED.get(PERMISSIONS["upload"]["there"]["write"][relation], 204)


def test_the_audit_log(people: People) -> None:
    for relation, verdict in PERMISSIONS["audit_log"]["there"]["read"].items():
        assert people[relation].get("/v1/audit-log").status_code == REFUSED.get(verdict, 200)


def test_who_has_several_relations_has_the_best_of_them(
    people: People, api: httpx.Client, add_video: AddVideo
) -> None:
    operator = people[Relation.OPERATOR]
    path = f"/v1/videos/{add_video(uploader_id=find_user_id(operator, api))}"
    assert operator.patch(path, json={"title": "Mine"}).status_code == 200
    assert operator.post(f"{path}/take-down", json={"reason": "Mine too."}).status_code == 204
