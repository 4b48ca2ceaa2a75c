"""Friends: one asks, the other's asking accepts, and both at once end as friends."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from stores.postgres import connect
from tests.streaming.conftest import Person

Join = Callable[..., Person]
NOBODY = "/v1/friends/nobody"


def list_states(person: Person, state: str = "friends") -> list[str]:
    """Ids of a collection, all pages of it."""
    found, cursor = [], None
    while True:
        query = {"state": state, "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = person.http.get("/v1/friends", params=query).json()
        assert all(item.keys() == {"user_id", "user_name", "created", "state"} for item in page["items"])
        assert all(item["state"] == state for item in page["items"])
        found += [item["user_id"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            return found


def befriend(one: Person, other: Person) -> str:
    answer = one.http.put(f"/v1/friends/{other.user_id}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["user_id"] == other.user_id
    return answer.json()["state"]


def test_who_is_asked_accepts_by_asking(join: Join) -> None:
    ann, bob = join(), join()
    assert [befriend(ann, bob), befriend(ann, bob)] == ["asked", "asked"]
    assert (list_states(ann, "asked"), list_states(bob, "asking"), list_states(ann)) == (
        [bob.user_id],
        [ann.user_id],
        [],
    )
    assert [befriend(bob, ann), befriend(ann, bob), befriend(bob, ann)] == ["friends"] * 3
    for one, other in ((ann, bob), (bob, ann)):
        assert (list_states(one), list_states(one, "asked"), list_states(one, "asking")) == (
            [other.user_id],
            [],
            [],
        )


def test_a_friendship_is_one_row_with_the_lower_id_first_and_one_event(join: Join) -> None:
    ann, bob = join(), join()
    befriend(bob, ann)
    befriend(ann, bob)
    with connect() as connection:
        [row] = connection.execute("SELECT user_id_1, user_id_2 FROM friendships").fetchall()
        [event] = connection.execute("SELECT * FROM events WHERE table_name = 'friendships'").fetchall()
        assert connection.execute("SELECT FROM friend_requests").fetchall() == []
    assert [row["user_id_1"], row["user_id_2"]] == sorted([ann.user_id, bob.user_id])
    assert event["request_id"]


@pytest.mark.parametrize("by_asker", [True, False])
@pytest.mark.parametrize("accepted", [True, False])
def test_either_of_them_ends_it(join: Join, by_asker: bool, accepted: bool) -> None:
    ann, bob = join(), join()
    befriend(ann, bob)
    if accepted:
        befriend(bob, ann)
    one, other = (ann, bob) if by_asker else (bob, ann)
    for _ in range(2):
        assert one.http.delete(f"/v1/friends/{other.user_id}").status_code == 204
    for person in (ann, bob):
        assert list_states(person) == list_states(person, "asked") == list_states(person, "asking") == []
    assert befriend(other, one) == "asked"


def test_oneself_and_nobody(join: Join) -> None:
    ann = join()
    assert ann.http.put(f"/v1/friends/{ann.user_id}").status_code == 422
    assert ann.http.put(NOBODY).status_code == 404
    assert ann.http.put("/v1/friends/a%00b").status_code == 404
    for path in (NOBODY, "/v1/friends/a%00b", f"/v1/friends/{ann.user_id}"):
        assert ann.http.delete(path).status_code == 204


def test_both_asking_at_once_end_as_friends(join: Join) -> None:
    people = [join() for _ in range(6)]
    pairs = [(one, other) for one in people for other in people if one is not other]
    with ThreadPoolExecutor(len(pairs)) as at_once:
        states = list(at_once.map(lambda both: befriend(*both), pairs))
    assert sorted(states) == ["asked"] * 15 + ["friends"] * 15
    for person in people:
        assert list_states(person) == sorted(other.user_id for other in people if other is not person)
        assert list_states(person, "asked") == []


def test_pages_go_on_where_they_ended(join: Join) -> None:
    ann, others = join(), [join() for _ in range(5)]
    for other in others:
        befriend(ann, other)
        befriend(other, ann)
    page = ann.http.get("/v1/friends", params={"limit": 2}).json()
    first = [item["user_id"] for item in page["items"]]
    ann.http.delete(f"/v1/friends/{first[0]}")
    rest = ann.http.get("/v1/friends", params={"cursor": page["next_cursor"]}).json()
    assert [*first, *(item["user_id"] for item in rest["items"])] == sorted(one.user_id for one in others)
    assert rest["next_cursor"] is None
    assert ann.http.get("/v1/friends", params={"cursor": "nonsense"}).status_code == 400
    for wrong in ({"limit": 0}, {"limit": 101}, {"state": "enemies"}):
        assert ann.http.get("/v1/friends", params=wrong).status_code == 422
