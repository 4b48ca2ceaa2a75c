"""Posts: written once, read by whom no block keeps away, deleted by their author."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.settings import settings
from stores.postgres import connect
from tests.streaming.conftest import Person

Join = Callable[..., Person]


def write(person: Person, content: str = "hello") -> str:
    answer = person.http.post("/v1/posts", json={"content": content})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def test_a_post_is_there_as_it_was_written(join: Join) -> None:
    ann, bob = join(), join()
    content = "  Zürich\n\t\u2028👩‍👩‍👧 <script>"
    answer = ann.http.post("/v1/posts", json={"content": content, "user_id": bob.user_id})
    post = answer.json()
    assert answer.status_code == 201
    assert post.keys() == {"post_id", "user_id", "content", "creation_time"}
    assert (post["user_id"], post["content"]) == (ann.user_id, content)
    assert answer.headers["location"] == f"/v1/posts/{post['post_id']}"
    assert abs((datetime.fromisoformat(post["creation_time"]) - datetime.now(UTC)).total_seconds()) < 60
    for person in (ann, bob):
        assert person.http.get(answer.headers["location"]).json() == post
    with connect() as connection:
        [event] = connection.execute("SELECT * FROM events WHERE table_name = 'posts'").fetchall()
    assert event["row_key"] == post["post_id"]


@pytest.mark.parametrize(
    ("content", "status"),
    [("x", 201), ("x" * 10_000, 201), ("", 422), ("x" * 10_001, 422), (5, 422), (None, 422), ("a\0b", 422)],
)
def test_how_long_it_may_be(join: Join, content: Any, status: int) -> None:
    assert join().http.post("/v1/posts", json={"content": content}).status_code == status


def test_a_block_in_either_direction_hides_it(join: Join) -> None:
    ann, bob = join(), join()
    path = write(ann)
    for one, other in ((ann, bob), (bob, ann)):
        one.http.put(f"/v1/blocks/{other.user_id}")
        assert bob.http.get(path).status_code == 404
        assert bob.http.delete(path).status_code == 404
        assert ann.http.get(path).status_code == 200
        one.http.delete(f"/v1/blocks/{other.user_id}")
    assert bob.http.get(path).status_code == 200


def test_its_author_deletes_it_and_nobody_else(join: Join) -> None:
    ann, bob = join(), join()
    path = write(ann)
    assert bob.http.delete(path).status_code == 403
    assert ann.http.delete(path).status_code == 204
    assert (ann.http.get(path).status_code, ann.http.delete(path).status_code) == (404, 404)
    for unknown in ("nothing", "a%00b"):
        assert ann.http.get(f"/v1/posts/{unknown}").status_code == 404


def test_what_an_operator_deletes_is_recorded(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, operator = join(), join()
    monkeypatch.setenv("NEWSREEL_OPERATORS", operator.user_id)
    settings.cache_clear()
    path = write(ann)
    answer = operator.http.delete(path)
    assert answer.status_code == 204
    assert ann.http.get(path).status_code == 404
    operator.http.delete(write(operator))
    with connect() as connection:
        [row] = connection.execute("SELECT * FROM audit_log").fetchall()
    assert (row["operator_id"], row["action"]) == (operator.user_id, "take_down")
    assert path.endswith(row["object_id"])
    assert row["request_id"] == answer.headers["x-request-id"]
