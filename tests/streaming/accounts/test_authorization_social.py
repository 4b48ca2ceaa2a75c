"""Permissions of accounts and posts: every cell of the table, requested from the served API."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from schemas.permissions import PERMISSIONS, Kind, Relation, Verdict
from schemas.settings import settings
from tests.streaming.conftest import Person

Join = Callable[..., Person]
KINDS: tuple[Kind, ...] = ("post", "user")
CELLS = [
    pytest.param(kind, action, relation, verdict, id=f"{kind}-{action}-{relation}")
    for kind in KINDS
    for state, actions in PERMISSIONS[kind].items()
    for action, row in actions.items()
    for relation, verdict in row.items()
]
REFUSED = {Verdict.LOG_IN: 401, Verdict.FORBID: 403, Verdict.HIDE: 404}


def test_there_is_one_state() -> None:
    assert all(PERMISSIONS[kind].keys() == {"there"} for kind in KINDS)


@pytest.mark.parametrize(("kind", "action", "relation", "verdict"), CELLS)
def test_cell(
    api: httpx.Client,
    join: Join,
    monkeypatch: pytest.MonkeyPatch,
    kind: Kind,
    action: str,
    relation: Relation,
    verdict: Verdict,
) -> None:
    owner = join(name="Ann", email="ann@example.org")
    who = _client(relation, api, owner, join, monkeypatch)
    path = f"/v1/users/{owner.user_id}"
    if kind == "post":
        path = owner.http.post("/v1/posts", json={"content": "hello"}).headers["location"]
    answer = _ask(who, action, path)
    if action == "read_personal":
        # The rest of the account is answered, and what is personal is not there.
        shown = answer.status_code == 200 and "email" in answer.json()
        assert shown == (verdict is Verdict.ALLOW)
        assert answer.status_code == (401 if verdict is Verdict.LOG_IN else 200)
        return
    expected = REFUSED.get(verdict, 204 if action == "delete" else 200)
    assert answer.status_code == expected, answer.text
    if action == "delete":
        there = 200 if verdict is not Verdict.ALLOW else 401 if kind == "user" else 404
        assert owner.http.get(path).status_code == there


def _client(
    relation: Relation, api: httpx.Client, owner: Person, join: Join, monkeypatch: pytest.MonkeyPatch
) -> httpx.Client:
    """Somebody who is this to the owner's things, and nothing else."""
    if relation is Relation.ANYONE:
        return api
    if relation is Relation.OWNER:
        return owner.http
    somebody = join()
    if relation is Relation.OPERATOR:
        monkeypatch.setenv("NEWSREEL_OPERATORS", somebody.user_id)
        settings.cache_clear()
    if relation is Relation.BLOCKED:
        owner.http.put(f"/v1/blocks/{somebody.user_id}")
    return somebody.http


def _ask(who: httpx.Client, action: str, path: str) -> httpx.Response:
    if action == "delete":
        return who.delete(path)
    if action == "edit":
        return who.patch(path, json={"name": "Bob"})
    return who.get(path)
