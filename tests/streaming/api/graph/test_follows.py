"""Follows: whose posts somebody wants to read, and who reads theirs."""

from __future__ import annotations

from collections.abc import Callable

from tests.streaming.conftest import Person

Join = Callable[..., Person]


def list_ids(person: Person, direction: str = "following") -> list[str]:
    page = person.http.get("/v1/follows", params={"direction": direction}).json()
    assert all(item["state"] == direction for item in page["items"])
    return [item["user_id"] for item in page["items"]]


def test_following_and_not_any_more_can_be_repeated(join: Join) -> None:
    ann, bob = join(), join()
    path = f"/v1/follows/{bob.user_id}"
    for _ in range(2):
        answer = ann.http.put(path)
        assert (answer.status_code, answer.json()) == (200, {"user_id": bob.user_id, "state": "following"})
    assert (list_ids(ann), list_ids(bob, "followers")) == ([bob.user_id], [ann.user_id])
    assert list_ids(bob) == list_ids(ann, "followers") == []
    for _ in range(2):
        assert ann.http.delete(path).status_code == 204
    assert list_ids(ann) == list_ids(bob, "followers") == []


def test_oneself_and_nobody(join: Join) -> None:
    ann = join()
    assert ann.http.put(f"/v1/follows/{ann.user_id}").status_code == 422
    assert ann.http.put("/v1/follows/nobody").status_code == 404
    assert ann.http.put("/v1/follows/a%00b").status_code == 404
    for path in ("/v1/follows/nobody", "/v1/follows/a%00b", f"/v1/follows/{ann.user_id}"):
        assert ann.http.delete(path).status_code == 204


def test_pages_of_followers(join: Join) -> None:
    ann, others = join(), [join() for _ in range(3)]
    for other in others:
        other.http.put(f"/v1/follows/{ann.user_id}")
    query = {"direction": "followers", "limit": "2"}
    page = ann.http.get("/v1/follows", params=query).json()
    rest = ann.http.get("/v1/follows", params=query | {"cursor": page["next_cursor"]}).json()
    found = [item["user_id"] for item in page["items"] + rest["items"]]
    assert found == sorted(other.user_id for other in others)
    assert (len(page["items"]), rest["next_cursor"]) == (2, None)
