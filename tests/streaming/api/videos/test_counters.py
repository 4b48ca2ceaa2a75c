"""Reactions, views and comments: one reaction per account, one view per session, pages, exact counters."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from stores.postgres import connect
from tests.streaming.api.waiting import BUSY
from tests.streaming.conftest import Person

Join = Callable[..., Person]
AddVideo = Callable[..., str]
COUNTED_WITHIN_S = 5.0 * BUSY


def read_counters(api: httpx.Client, path: str, wanted: tuple[int, int, int]) -> tuple[int, int, int]:
    """Likes, dislikes and views once they are as wanted, or after the time that they may lag."""
    deadline = time.monotonic() + COUNTED_WITHIN_S
    while True:
        video = api.get(path).json()
        found = (video["likes"], video["dislikes"], video["views"])
        if found == wanted or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def test_a_reaction_replaces_the_one_before(api: httpx.Client, join: Join, add_video: AddVideo) -> None:
    ann, path = join(), f"/v1/videos/{add_video()}"
    for kind in ("like", "like", "dislike", "like", "dislike"):
        answer = ann.http.put(f"{path}/reaction", json={"kind": kind})
        assert (answer.status_code, answer.json()) == (200, {"kind": kind})
    assert ann.http.get(f"{path}/reaction").json() == {"kind": "dislike"}
    assert read_counters(api, path, (0, 1, 0)) == (0, 1, 0)
    for _ in range(2):
        assert ann.http.delete(f"{path}/reaction").status_code == 204
    assert ann.http.get(f"{path}/reaction").status_code == 404
    assert read_counters(api, path, (0, 0, 0)) == (0, 0, 0)


@pytest.mark.parametrize("body", [{}, {"kind": "love"}, {"kind": None}, [], "like"])
def test_other_reactions_are_refused(join: Join, add_video: AddVideo, body: Any) -> None:
    assert join().http.put(f"/v1/videos/{add_video()}/reaction", json=body).status_code == 422


def test_a_session_is_one_view_and_keeps_the_longest_time(
    api: httpx.Client, join: Join, add_video: AddVideo
) -> None:
    ann, path = join(), f"/v1/videos/{add_video()}"
    told = [
        ann.http.post(f"{path}/views", json={"session_id": "s1", "watched_s": watched_s})
        for watched_s in (3, 10.5, 7)
    ]
    assert [(answer.status_code, answer.json()["watched_s"]) for answer in told] == [
        (201, 3.0),
        (200, 10.5),
        (200, 10.5),
    ]
    ann.http.post(f"{path}/views", json={"session_id": "s2", "watched_s": 1})
    join().http.post(f"{path}/views", json={"session_id": "s1", "watched_s": 1})
    assert read_counters(api, path, (0, 0, 3)) == (0, 0, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        b'{"session_id": "s", "watched_s": 0}',
        b'{"session_id": "s", "watched_s": -1}',
        b'{"session_id": "s", "watched_s": NaN}',
        b'{"session_id": "s", "watched_s": 1e400}',
        b'{"session_id": "", "watched_s": 1}',
        b'{"session_id": "a/b", "watched_s": 1}',
        b'{"watched_s": 1}',
    ],
)
def test_what_was_not_played_is_no_view(
    api: httpx.Client, join: Join, add_video: AddVideo, wrong: bytes
) -> None:
    path = f"/v1/videos/{add_video()}"
    headers = {"content-type": "application/json"}
    assert join().http.post(f"{path}/views", content=wrong, headers=headers).status_code == 422
    with connect() as connection:
        assert connection.execute("SELECT FROM views").fetchall() == []


def test_comments_come_newest_first_page_by_page(api: httpx.Client, join: Join, add_video: AddVideo) -> None:
    ann, path = join("ann"), f"/v1/videos/{add_video()}/comments"
    made = []
    for number in range(7):
        answer = ann.http.post(path, json={"text": f"nr. {number}"})
        assert answer.status_code == 201
        made.append(answer.json())
    seen: list[dict[str, Any]] = []
    cursor = ""
    for size in (3, 3, 1):
        page = api.get(f"{path}?limit=3{cursor}").json()
        assert len(page["items"]) == size
        seen += page["items"]
        ann.http.post(path, json={"text": "comes in between and moves nothing"})
        cursor = f"&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert seen == made[::-1]
    assert seen[0]["user_name"] == "ann"


@pytest.mark.parametrize(
    ("query", "status"), [("limit=0", 422), ("limit=101", 422), ("limit=x", 422),
     ("cursor=x", 400), ("cursor=WyIxIl0", 400)]
)  # fmt: skip
def test_odd_pages_are_refused(api: httpx.Client, add_video: AddVideo, query: str, status: int) -> None:
    assert api.get(f"/v1/videos/{add_video()}/comments?{query}").status_code == status


def test_comments_have_1_to_10000_characters(join: Join, add_video: AddVideo) -> None:
    ann, path = join(), f"/v1/videos/{add_video()}/comments"
    for text, status in (
        ("", 422),
        ("x", 201),
        ("\N{GRINNING FACE}" * 10_000, 201),
        ("x" * 10_001, 422),
        ("\0", 422),
    ):
        assert ann.http.post(path, json={"text": text}).status_code == status


def test_a_comment_goes_by_its_author_or_the_uploader(
    api: httpx.Client, join: Join, add_video: AddVideo
) -> None:
    ann, bob, eve = join(), join(), join()
    path = f"/v1/videos/{add_video(uploader_id=ann.user_id)}/comments"
    other = f"/v1/videos/{add_video(video_id='v-2')}/comments"
    first, second = (bob.http.post(path, json={"text": "x"}).json()["comment_id"] for _ in range(2))
    assert eve.http.delete(f"{path}/{first}").status_code == 403
    assert bob.http.delete(f"{other}/{first}").status_code == 404
    assert bob.http.delete(f"{path}/{first}").status_code == 204
    assert bob.http.delete(f"{path}/{first}").status_code == 404
    assert ann.http.delete(f"{path}/{second}").status_code == 204
    assert api.get(path).json()["items"] == []


def test_a_comment_that_is_sent_again_is_there_once(
    api: httpx.Client, join: Join, add_video: AddVideo
) -> None:
    ann, path = join(), f"/v1/videos/{add_video()}/comments"
    headers = {"Idempotency-Key": "once"}
    first, again = (ann.http.post(path, json={"text": "x"}, headers=headers) for _ in range(2))
    assert first.json() == again.json()
    assert len(api.get(path).json()["items"]) == 1


def test_counts_are_right_under_any_race(api: httpx.Client, join: Join, add_video: AddVideo) -> None:
    """Many at once on one video; each of them in an order of their own, so the last acknowledged act counts."""
    path = f"/v1/videos/{add_video()}"
    people = [join() for _ in range(8)]

    def act(person: Person) -> tuple[str | None, set[str]]:
        dice = random.Random(person.user_name)
        kind, sessions = None, set()
        for _ in range(40):
            what = dice.choice(("like", "dislike", "none", "view"))
            if what == "view":
                session = f"s{dice.randrange(5)}"
                sessions.add(session)
                answer = person.http.post(f"{path}/views", json={"session_id": session, "watched_s": 1})
            elif what == "none":
                kind, answer = None, person.http.delete(f"{path}/reaction")
            else:
                kind, answer = what, person.http.put(f"{path}/reaction", json={"kind": what})
            assert answer.is_success, answer.text
        return kind, sessions

    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(act, people))
    kinds = Counter(kind for kind, _ in ends)
    wanted = (kinds["like"], kinds["dislike"], sum(len(sessions) for _, sessions in ends))
    assert read_counters(api, path, wanted) == wanted
    with connect() as connection:
        assert connection.execute("SELECT FROM tallies").fetchall() == []
