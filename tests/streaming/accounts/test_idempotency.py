"""`Idempotency-Key`: a POST that is sent again is answered as the first time, and nothing is made twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from stores.postgres import connect
from streaming.accounts.idempotency import RETENTION
from tests.streaming.conftest import Person

Join = Callable[..., Person]
PATH = "/v1/posts"


def post(client: httpx.Client, key: str | None = "k", content: str = "hello") -> httpx.Response:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return client.post(PATH, json={"content": content}, headers=headers)


def count(table: str) -> int:
    with connect() as connection:
        [row] = connection.execute(f"SELECT count(*) AS rows FROM {table}".encode()).fetchall()
    return int(row["rows"])


def test_the_same_again_gets_the_first_answer_whole(join: Join) -> None:
    ann = join()
    first, again = post(ann.http), post(ann.http)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first.headers["location"] == again.headers["location"]
    assert first.headers["content-type"] == again.headers["content-type"]
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert count("posts") == 1


def test_without_a_key_each_counts(join: Join) -> None:
    ann = join()
    assert post(ann.http, None).json()["post_id"] != post(ann.http, None).json()["post_id"]


def test_another_body_is_refused_and_makes_nothing(join: Join) -> None:
    ann = join()
    post(ann.http)
    assert post(ann.http, content="other").status_code == 422
    assert count("posts") == 1


def test_a_refused_request_leaves_the_key_free(join: Join) -> None:
    ann = join()
    assert post(ann.http, content="").status_code == 422
    assert post(ann.http).status_code == 201


def test_a_key_belongs_to_one_user_and_one_path(api: httpx.Client, join: Join) -> None:
    ann, bob = join(), join()
    assert post(ann.http).json()["user_id"] == ann.user_id
    assert post(bob.http, content="mine").json()["user_id"] == bob.user_id
    body = {"user_name": "eve", "password": "correct horse"}
    assert ann.http.post("/v1/users", json=body, headers={"Idempotency-Key": "k"}).status_code == 201


def test_without_a_user_it_belongs_to_an_address(
    api: httpx.Client, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, headers = {"user_name": "ann", "password": "correct horse"}, {"Idempotency-Key": "k"}
    first = api.post("/v1/users", json=body, headers=headers)
    assert api.post("/v1/users", json=body, headers=headers).json() == first.json()
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=api.base_url, transport=elsewhere) as other:
        assert other.post("/v1/users", json=body, headers=headers).status_code == 409  # the name is taken
        assert other.post("/v1/users", json=body | {"user_name": "bob"}, headers=headers).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "ü", "a\tb"])
def test_keys_that_are_none(join: Join, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode())]
    answer = join().http.post(PATH, json={"content": "hello"}, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_while_the_first_runs_the_second_is_a_conflict(join: Join) -> None:
    ann = join()
    with ThreadPoolExecutor() as threads, connect() as connection:
        connection.execute("LOCK TABLE posts IN SHARE MODE")
        first = threads.submit(post, ann.http)
        wait_for_lock()
        assert post(ann.http).status_code == 409
        connection.rollback()
        assert first.result().status_code == 201
    assert post(ann.http).content == first.result().content
    assert count("posts") == 1


def wait_for_lock() -> None:
    """Until some connection waits for a lock."""
    deadline_s = time.monotonic() + 60
    with connect() as connection:
        while time.monotonic() < deadline_s:
            if connection.execute("SELECT FROM pg_locks WHERE NOT granted").fetchone() is not None:
                return
            time.sleep(0.01)
    pytest.fail("nobody waits")


def test_many_at_once_make_one(join: Join) -> None:
    ann = join()
    with ThreadPoolExecutor(8) as at_once:
        answers: list[Future[httpx.Response]] = [at_once.submit(post, ann.http) for _ in range(24)]
    statuses = {answer.result().status_code for answer in answers}
    assert statuses <= {201, 409}
    assert 201 in statuses
    assert count("posts") == 1


def test_killed_between_work_and_record_nothing_is_half(join: Join) -> None:
    """PostgreSQL's process dies after the post was inserted and before the answer was recorded."""
    ann = join()
    with connect() as connection:
        connection.execute(
            """CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
               $$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END$$"""
        )
        connection.execute(
            "CREATE TRIGGER die BEFORE INSERT ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION die()"
        )
        connection.commit()
    answer = post(ann.http)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert (count("posts"), count("idempotency_keys")) == (0, 0)
    assert count("events WHERE table_name = 'posts'") == 0
    with connect() as connection:
        connection.execute("DROP TRIGGER die ON idempotency_keys")
        connection.commit()
    assert post(ann.http).status_code == 201
    assert count("posts") == 1


def test_a_key_is_forgotten_after_its_time(join: Join) -> None:
    ann = join()
    first = post(ann.http)
    with connect() as connection:
        connection.execute("UPDATE idempotency_keys SET created = created - %s", (RETENTION + timedelta(1),))
        connection.commit()
    second = post(ann.http, content="other")
    assert second.status_code == 201
    assert second.json()["post_id"] != first.json()["post_id"]
    assert post(ann.http, content="other").content == second.content


def test_no_body_is_kept_as_it_was_sent(api: httpx.Client) -> None:
    body = {"user_name": "ann", "password": "correct horse battery"}
    api.post("/v1/users", json=body, headers={"Idempotency-Key": "k"})
    with connect() as connection:
        [row] = connection.execute("SELECT k::text AS text FROM idempotency_keys k").fetchall()
    assert "battery" not in row["text"]
