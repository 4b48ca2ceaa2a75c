"""Blocks: both are hidden from each other, nothing new comes about, and what there was comes back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from stores.postgres import connect
from tests.streaming.conftest import Person

Join = Callable[..., Person]


def ids(person: Person, path: str) -> list[str]:
    return [item["user_id"] for item in person.http.get(path).json()["items"]]


def test_blocking_can_be_repeated_and_only_who_blocks_sees_it(join: Join) -> None:
    ann, bob = join(), join()
    path = f"/v1/blocks/{bob.user_id}"
    for _ in range(2):
        answer = ann.http.put(path)
        assert (answer.status_code, answer.json()) == (200, {"user_id": bob.user_id, "state": "blocked"})
    assert (ids(ann, "/v1/blocks"), ids(bob, "/v1/blocks")) == ([bob.user_id], [])
    assert bob.http.delete(f"/v1/blocks/{ann.user_id}").status_code == 204
    assert ids(ann, "/v1/blocks") == [bob.user_id]
    for _ in range(2):
        assert ann.http.delete(path).status_code == 204
    assert ids(ann, "/v1/blocks") == []


def test_oneself_and_nobody(join: Join) -> None:
    ann = join()
    assert ann.http.put(f"/v1/blocks/{ann.user_id}").status_code == 422
    assert ann.http.put("/v1/blocks/nobody").status_code == 404
    for path in ("/v1/blocks/nobody", "/v1/blocks/a%00b", f"/v1/blocks/{ann.user_id}"):
        assert ann.http.delete(path).status_code == 204


@pytest.mark.parametrize("kind", ["friends", "follows"])
def test_no_new_edge_in_either_direction(join: Join, kind: str) -> None:
    ann, bob = join(), join()
    ann.http.put(f"/v1/blocks/{bob.user_id}")
    for one, other in ((ann, bob), (bob, ann)):
        assert one.http.put(f"/v1/{kind}/{other.user_id}").status_code == 403
    # Who is blocked may block too, and one block less is not none.
    assert bob.http.put(f"/v1/blocks/{ann.user_id}").status_code == 200
    assert ann.http.delete(f"/v1/blocks/{bob.user_id}").status_code == 204
    assert ann.http.put(f"/v1/{kind}/{bob.user_id}").status_code == 403
    assert bob.http.delete(f"/v1/blocks/{ann.user_id}").status_code == 204
    assert ann.http.put(f"/v1/{kind}/{bob.user_id}").status_code == 200


def test_no_comment_in_either_direction(join: Join, add_video: Callable[..., str]) -> None:
    ann, bob, eve = join(), join(), join()
    paths = {}
    for one in (ann, bob):
        video_id = add_video(video_id=f"v-{one.user_id}", uploader_id=one.user_id)
        paths[one.user_id] = f"/v1/videos/{video_id}/comments"
    said = {"text": "so"}
    assert bob.http.post(paths[ann.user_id], json=said).status_code == 201
    ann.http.put(f"/v1/blocks/{bob.user_id}")
    for who, whose in ((bob, ann), (ann, bob)):
        refused = who.http.post(paths[whose.user_id], json=said)
        assert (refused.status_code, refused.json()["detail"]) == (
            403,
            "One of the two users has blocked the other.",
        )
    assert ann.http.post(paths[ann.user_id], json=said).status_code == 201
    assert eve.http.post(paths[ann.user_id], json=said).status_code == 201
    ann.http.delete(f"/v1/blocks/{bob.user_id}")
    assert bob.http.post(paths[ann.user_id], json=said).status_code == 201


def test_old_edges_are_hidden_and_count_again(join: Join) -> None:
    ann, bob, eve = join(), join(), join()
    ann.http.put(f"/v1/friends/{bob.user_id}")
    bob.http.put(f"/v1/friends/{ann.user_id}")
    ann.http.put(f"/v1/follows/{bob.user_id}")
    eve.http.put(f"/v1/friends/{ann.user_id}")
    seen = [
        (ann, "/v1/friends", [bob.user_id]),
        (bob, "/v1/friends", [ann.user_id]),
        (ann, "/v1/follows", [bob.user_id]),
        (bob, "/v1/follows?direction=followers", [ann.user_id]),
        (ann, "/v1/friends?state=asking", [eve.user_id]),
        (eve, "/v1/friends?state=asked", [ann.user_id]),
    ]
    for person, path, expected in seen:
        assert ids(person, path) == expected
    bob.http.put(f"/v1/blocks/{ann.user_id}")
    ann.http.put(f"/v1/blocks/{eve.user_id}")
    for person, path, _ in seen:
        assert ids(person, path) == []
    bob.http.delete(f"/v1/blocks/{ann.user_id}")
    ann.http.delete(f"/v1/blocks/{eve.user_id}")
    for person, path, expected in seen:
        assert ids(person, path) == expected


def test_what_is_hidden_can_be_ended(join: Join) -> None:
    ann, bob = join(), join()
    ann.http.put(f"/v1/follows/{bob.user_id}")
    bob.http.put(f"/v1/blocks/{ann.user_id}")
    assert ann.http.delete(f"/v1/follows/{bob.user_id}").status_code == 204
    bob.http.delete(f"/v1/blocks/{ann.user_id}")
    assert ids(ann, "/v1/follows") == []


def test_no_edge_comes_after_an_acknowledged_block(join: Join) -> None:
    ann, bob = join(), join()
    for _ in range(20):
        with ThreadPoolExecutor(2) as at_once:
            follow = at_once.submit(ann.http.put, f"/v1/follows/{bob.user_id}")
            block = at_once.submit(bob.http.put, f"/v1/blocks/{ann.user_id}")
        assert block.result().status_code == 200
        status = follow.result().status_code
        with connect() as connection:
            rows = connection.execute(
                """SELECT table_name, kind, transaction_id FROM events WHERE table_name IN ('follows', 'blocks')
                   ORDER BY event_id"""
            ).fetchall()
        assert status in (200, 403)
        # Under the pair's lock one was wholly done before the other began, and the follow first where it was made.
        if status == 200:
            assert [row["table_name"] for row in rows[-2:]] == ["follows", "blocks"]
        else:
            assert rows[-1]["table_name"] == "blocks"
        ann.http.delete(f"/v1/follows/{bob.user_id}")
        bob.http.delete(f"/v1/blocks/{ann.user_id}")


def test_a_block_says_since_when(join: Join) -> None:
    ann, bob = join(), join()
    ann.http.put(f"/v1/blocks/{bob.user_id}")
    [item] = ann.http.get("/v1/blocks").json()["items"]
    assert datetime.fromisoformat(item["created"]).tzinfo is not None
    assert item["user_name"] == bob.user_name
