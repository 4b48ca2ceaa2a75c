"""An erased account: nothing says who it was, what it made is gone, and what it counted for others stays counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from stores.outbox import upsert_row
from stores.postgres import connect
from tests.streaming.conftest import Person

Join = Callable[..., Person]
WHO = {
    "name": "Annabel Quuxbury",
    "email": "annabel@quuxbury.example",
    "date_of_birth": "1987-06-05",
}
USER_NAME = "quuxbury-annabel"


def everything(*, but: str = "") -> dict[str, str]:
    """All rows of each table of the database, as text."""
    with connect() as connection:
        names = [
            row["name"]
            for row in connection.execute(
                """SELECT c.oid::regclass::text AS name FROM pg_class c
                   WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""
            ).fetchall()
        ]
        found = {}
        for name in names:
            if but and name.startswith(but):
                continue
            query = f"SELECT coalesce(string_agg(t::text, E'\\n'), '') AS text FROM {name} t"
            [row] = connection.execute(query.encode()).fetchall()
            found[name] = row["text"]
    return found


def add_watching(user_id: str, video_id: str) -> None:
    """What the account did with somebody's video."""
    at = "2026-11-22T00:00:00Z"
    with connect() as connection:
        key: dict[str, Any] = {"user_id": user_id, "video_id": video_id}
        upsert_row(connection, "reactions", key, {"kind": "like", "created": at})
        upsert_row(
            connection,
            "views",
            {**key, "session_id": "s-1"},
            {"watched_s": 3.0, "created": at},
        )
        upsert_row(
            connection,
            "comments",
            {"comment_id": f"c-{video_id}"},
            {**key, "text": "quuxbury was here", "creation_time": at},
        )


@pytest.fixture
def ann(api: httpx.Client) -> Iterator[Person]:
    """Somebody who has left traces everywhere, the answer to the sign-up among them."""
    password = "correct horse"
    body = {"user_name": USER_NAME, "password": password, **WHO}
    made = api.post("/v1/users", json=body, headers={"Idempotency-Key": "sign up"}).json()
    opened = api.post("/v1/sessions", json={"user_name": USER_NAME, "password": password}).json()
    headers = {"Authorization": f"Bearer {opened['access_token']}"}
    tokens = (opened["access_token"], opened["refresh_token"])
    with httpx.Client(base_url=api.base_url, headers=headers) as client:
        yield Person(made["user_id"], USER_NAME, password, *tokens, client)


def test_nothing_of_the_person_is_left_and_counts_are_right(
    ann: Person, join: Join, add_video: Callable[..., str]
) -> None:
    bob, eve = join(), join()
    me = ann.user_id
    ann.http.post(
        "/v1/posts", json={"content": "quuxbury writes"}, headers={"Idempotency-Key": "annabel's key"}
    )
    ann.http.put(f"/v1/friends/{bob.user_id}")
    bob.http.put(f"/v1/friends/{me}")
    ann.http.put(f"/v1/friends/{eve.user_id}")
    eve.http.put(f"/v1/follows/{me}")
    ann.http.put(f"/v1/follows/{eve.user_id}")
    ann.http.put(f"/v1/blocks/{eve.user_id}")
    eve.http.put(f"/v1/blocks/{me}")
    hers = add_video(video_id="v-hers", uploader_id=me, title="Quuxbury at home")
    his = add_video(video_id="v-his", uploader_id=bob.user_id)
    add_watching(me, his)
    add_watching(bob.user_id, hers)

    assert ann.http.delete(f"/v1/users/{me}").status_code == 204

    left = everything(but="events")
    for table, text in left.items():
        for secret in (*WHO.values(), USER_NAME, "quuxbury", "Quuxbury"):
            assert secret not in text, (table, text)
    naming = {table for table, text in left.items() if me in text}
    assert {table.rstrip("_0123456789") for table in naming} <= {"reactions", "views", "activity"}
    with connect() as connection:
        videos = connection.execute("SELECT video_id FROM videos").fetchall()
        assert [row["video_id"] for row in videos] == [his]
        assert connection.execute("SELECT FROM comments").fetchall() == []
        [kept] = connection.execute(
            """SELECT (SELECT count(*) FROM reactions) AS reactions, (SELECT count(*) FROM views) AS views,
               (SELECT coalesce(sum(likes), 0) FROM tallies WHERE video_id = %(his)s)
                 + (SELECT likes FROM videos WHERE video_id = %(his)s) AS likes""",
            {"his": his},
        ).fetchall()
    assert (kept["reactions"], kept["views"], kept["likes"]) == (1, 1, 1)
    for path, person in ((f"/v1/users/{me}", bob), (f"/v1/users/{me}", eve)):
        assert person.http.get(path).status_code == 404
    for path in ("/v1/friends", "/v1/follows?direction=followers", "/v1/blocks", "/v1/friends?state=asking"):
        for person in (bob, eve):
            assert person.http.get(path).json()["items"] == []


def test_no_event_ever_had_a_personal_field(ann: Person) -> None:
    ann.http.patch(f"/v1/users/{ann.user_id}", json={"name": "Another Quuxbury"})
    ann.http.delete(f"/v1/users/{ann.user_id}")
    events = {table: text for table, text in everything().items() if table.startswith("events")}
    text = "".join(events.values())
    assert ann.user_id in text
    assert all(secret not in text for secret in (*WHO.values(), "Another Quuxbury", "correct horse"))
    with connect() as connection:
        rows = connection.execute(
            "SELECT kind, row FROM events WHERE table_name = 'users' ORDER BY event_id"
        ).fetchall()
    assert rows[-1]["kind"] == "deleted"
    assert USER_NAME not in rows[-1]["row"]


def test_it_can_neither_log_in_nor_go_on(api: httpx.Client, ann: Person) -> None:
    ann.http.delete(f"/v1/users/{ann.user_id}")
    assert ann.http.get("/v1/friends").status_code == 401
    assert api.post("/v1/sessions/refresh", json={"refresh_token": ann.refresh_token}).status_code == 401
    body = {"user_name": USER_NAME, "password": ann.password}
    assert api.post("/v1/sessions", json=body).status_code == 401
    # The name is free again, and is somebody else.
    again = api.post("/v1/users", json=body, headers={"Idempotency-Key": "sign up"})
    assert again.status_code == 201
    assert again.json()["user_id"] != ann.user_id


def test_what_is_written_meanwhile_is_gone_too(
    ann: Person, join: Join, add_video: Callable[..., str]
) -> None:
    bob = join()
    video = f"/v1/videos/{add_video(uploader_id=bob.user_id)}"
    kinds = (
        lambda: ann.http.post("/v1/posts", json={"content": "quuxbury"}),
        lambda: ann.http.post(f"{video}/comments", json={"text": "quuxbury"}),
        lambda: ann.http.post(f"{video}/shares", json={"expires_in_s": 60}),
        lambda: ann.http.post("/v1/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "9"}),
        lambda: bob.http.put(f"/v1/follows/{ann.user_id}"),
    )

    with ThreadPoolExecutor(10) as at_once:
        before = [at_once.submit(write) for write in kinds * 4]
        erased = at_once.submit(ann.http.delete, f"/v1/users/{ann.user_id}")
        after = [at_once.submit(write) for write in kinds * 4]
    assert erased.result().status_code == 204
    assert {one.result().status_code for one in before + after} <= {201, 200, 401, 404}
    left = everything(but="events")
    assert {table for table, text in left.items() if ann.user_id in text} <= {"activity"}


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("what", ["posts", "comments", "shares", "uploads"])
def test_one_who_was_erased_while_the_request_came_writes_nothing(
    ann: Person, join: Join, add_video: Callable[..., str], what: str, keyed: bool
) -> None:
    video = f"/v1/videos/{add_video(uploader_id=join().user_id)}"
    with connect() as connection:
        # As erasing does, and its session is still good: the request is let in and waits for this.
        connection.execute("SELECT FROM users WHERE user_id = %s FOR UPDATE", (ann.user_id,))
        with ThreadPoolExecutor(1) as at_once:
            writing = at_once.submit(
                ann.http.post,
                f"{video}/{what}" if what in ("comments", "shares") else f"/v1/{what}",
                json={
                    "posts": {"content": "hi"},
                    "comments": {"text": "hi"},
                    "shares": {"expires_in_s": 60},
                }.get(what),
                headers=({"Tus-Resumable": "1.0.0", "Upload-Length": "9"} if what == "uploads" else {})
                | ({"Idempotency-Key": "one"} if keyed else {}),
            )
            waiting = b"SELECT FROM pg_locks WHERE NOT granted"
            while not writing.done() and not connection.execute(waiting).fetchall():
                time.sleep(0.01)
            connection.execute("DELETE FROM idempotency_keys")
            connection.execute("DELETE FROM users WHERE user_id = %s", (ann.user_id,))
            connection.commit()
            assert writing.result(timeout=60).status_code == 401
    left = everything(but="events")
    assert {table for table, text in left.items() if ann.user_id in text} <= {"activity"}


def test_the_rest_keep_what_is_theirs(ann: Person, join: Join) -> None:
    bob, eve = join(), join()
    bob.http.put(f"/v1/follows/{eve.user_id}")
    path = bob.http.post("/v1/posts", json={"content": "hello"}).headers["location"]
    ann.http.delete(f"/v1/users/{ann.user_id}")
    assert eve.http.get(path).status_code == 200
    assert len(bob.http.get("/v1/follows").json()["items"]) == 1
