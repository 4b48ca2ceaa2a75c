"""Accounts: signing up, logging in, tokens that end when they should, and an erasure that leaves counts right."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from schemas.settings import settings
from stores.postgres import connect
from streaming.accounts import tokens
from tests.streaming.conftest import Person, served

Join = Callable[..., Person]


def test_who_signs_up_may_log_in_at_once(api: httpx.Client, join: Join) -> None:
    ann = join("ann", name="Ann", email="ann@example.org", date_of_birth="1990-02-28")
    own = ann.http.get(f"/v1/users/{ann.user_id}").json()
    assert own["email"] == "ann@example.org"
    assert own["age"] >= 36
    assert own["last_login"] is not None


def test_others_see_no_personal_field(join: Join) -> None:
    ann, bob = join(email="ann@example.org"), join()
    assert bob.http.get(f"/v1/users/{ann.user_id}").json().keys() == {"user_id", "user_name", "created"}


def test_a_taken_name_is_a_conflict(api: httpx.Client, join: Join) -> None:
    join("ann")
    assert api.post("/v1/users", json={"user_name": "ann", "password": "correct horse"}).status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_name": ""},
        {"user_name": "a\u0000b"},
        {"user_name": "a\nb"},
        {"user_name": " ann"},
        {"user_name": "x" * 65},
        {"user_name": 5},
        {"password": "short"},
        {"password": None},
        {"email": "nowhere"},
        {"date_of_birth": "2990-01-01"},
        {"date_of_birth": "01.02.1990"},
        {"name": "a\x1b[31m"},
    ],
)
def test_wrong_fields_are_refused(api: httpx.Client, wrong: dict[str, Any]) -> None:
    body = {"user_name": "ann", "password": "correct horse"} | wrong
    answer = api.post("/v1/users", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_half_a_surrogate_pair_is_refused_and_named(api: httpx.Client) -> None:
    body = b'{"user_name": "\\ud800", "password": "correct horse"}'
    answer = api.post("/v1/users", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_wrong_name_and_wrong_password_are_told_the_same(api: httpx.Client, join: Join) -> None:
    join("ann")
    wrong = [
        api.post("/v1/sessions", json={"user_name": name, "password": "battery staple"})
        for name in ("ann", "nobody", "no\u0000body")
    ]
    assert {answer.status_code for answer in wrong} == {401}
    assert len({answer.text for answer in wrong}) == 1


def test_a_session_ends_at_once_and_no_other_does(api: httpx.Client, join: Join) -> None:
    ann = join("ann")
    other = api.post("/v1/sessions", json={"user_name": "ann", "password": ann.password}).json()
    headers = {"Authorization": f"Bearer {other['access_token']}"}
    path = f"/v1/users/{ann.user_id}"
    assert api.get(path, headers=headers).status_code == 200
    assert ann.http.delete("/v1/sessions").status_code == 204
    assert ann.http.get(path).status_code == 401
    assert api.get(path, headers=headers).status_code == 200
    refreshed = api.post("/v1/sessions/refresh", json={"refresh_token": ann.refresh_token})
    assert refreshed.status_code == 401


def test_a_session_that_ends_on_one_server_ends_on_all(api: httpx.Client, join: Join) -> None:
    ann = join()
    path = f"/v1/users/{ann.user_id}"
    with served() as url, httpx.Client(base_url=url, headers=dict(ann.http.headers)) as elsewhere:
        assert elsewhere.get(path).status_code == 200
        assert ann.http.delete("/v1/sessions").status_code == 204
        for _ in range(50):
            if (status := elsewhere.get(path).status_code) == 401:
                break
        assert status == 401


def test_a_refresh_token_is_good_once_and_a_copy_ends_the_session(api: httpx.Client, join: Join) -> None:
    ann = join()
    refreshed = api.post("/v1/sessions/refresh", json={"refresh_token": ann.refresh_token})
    assert refreshed.status_code == 201
    fresh = refreshed.json()
    headers = {"Authorization": f"Bearer {fresh['access_token']}"}
    assert api.get(f"/v1/users/{ann.user_id}", headers=headers).status_code == 200
    assert api.post("/v1/sessions/refresh", json={"refresh_token": ann.refresh_token}).status_code == 401
    assert api.get(f"/v1/users/{ann.user_id}", headers=headers).status_code == 401


@pytest.mark.parametrize("token", ["", ".", "a\0b.c", "x" * 200, "nothing.nothing"])
def test_what_is_no_refresh_token_is_401(api: httpx.Client, token: str) -> None:
    content = json.dumps({"refresh_token": token})
    assert api.post("/v1/sessions/refresh", content=content).status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Basic YTpi", "Bearer a.b.c", "bearer \xff"])
def test_a_bad_token_is_401_also_where_none_is_needed(api: httpx.Client, header: str) -> None:
    answer = api.get("/healthz", headers=[(b"Authorization", header.encode("latin-1"))])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_tokens_expire_and_older_keys_still_check(
    api: httpx.Client, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = join()
    claims = tokens.verify(ann.access_token)
    old = tokens.issue(ann.user_id, claims.session_id, now_s=0)
    stale = api.get(f"/v1/users/{ann.user_id}", headers={"Authorization": f"Bearer {old}"})
    assert stale.status_code == 401
    made = (settings().home / "keys" / "secret_key").read_text()
    monkeypatch.setenv("NEWSREEL_SECRET_KEYS", f"{'n' * 40},{made}")
    settings.cache_clear()
    assert tokens.verify(ann.access_token) == claims
    monkeypatch.setenv("NEWSREEL_SECRET_KEYS", "n" * 40)
    settings.cache_clear()
    with pytest.raises(Exception, match="is invalid"):
        tokens.verify(ann.access_token)


def test_a_password_is_changed_by_who_knows_it_and_ends_other_sessions(api: httpx.Client, join: Join) -> None:
    ann = join("ann")
    other = api.post("/v1/sessions", json={"user_name": "ann", "password": ann.password}).json()
    path = f"/v1/users/{ann.user_id}"
    assert ann.http.patch(path, json={"password": "battery staple"}).status_code == 422
    wrong = {"password": "battery staple", "current_password": "wrong horse"}
    assert ann.http.patch(path, json=wrong).status_code == 403
    right = {"password": "battery staple", "current_password": ann.password}
    assert ann.http.patch(path, json=right).status_code == 200
    headers = {"Authorization": f"Bearer {other['access_token']}"}
    assert api.get(path, headers=headers).status_code == 401
    assert ann.http.get(path).status_code == 200
    for password, status in ((ann.password, 401), ("battery staple", 201)):
        answer = api.post("/v1/sessions", json={"user_name": "ann", "password": password})
        assert answer.status_code == status


def test_only_the_account_itself_changes_and_erases_it(join: Join) -> None:
    ann, bob = join(), join()
    path = f"/v1/users/{ann.user_id}"
    assert bob.http.patch(path, json={"name": "Bob"}).status_code == 403
    assert bob.http.delete(path).status_code == 403
    assert ann.http.patch(path, json={"name": "Ann", "user_id": "x", "created": 5}).json()["name"] == "Ann"
    assert ann.http.delete(path).status_code == 204
    assert ann.http.get(path).status_code == 401
    assert bob.http.get(path).status_code == 404


def test_no_password_is_kept_or_logged_as_it_was_typed(
    api: httpx.Client, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    join(password="correct horse battery")
    with connect() as connection:
        [row] = connection.execute("SELECT password_hash FROM credentials").fetchall()
        [events] = connection.execute("SELECT string_agg(row, '') AS text FROM events").fetchall()
    assert row["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert "correct" not in events["text"] + caplog.text


def test_guessing_a_password_is_slowed_down(api: httpx.Client, join: Join) -> None:
    join("ann")
    wrong = {"user_name": "ann", "password": "wrong horse"}
    answers = [api.post("/v1/sessions", json=wrong) for _ in range(11)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "ratelimit-policy" in answers[-1].headers
    assert api.post("/v1/sessions", json={**wrong, "user_name": "bob"}).status_code == 401


def test_the_same_sign_up_again_gets_the_first_answer(api: httpx.Client) -> None:
    body = {"user_name": "ann", "password": "correct horse"}
    headers = {"Idempotency-Key": "k1"}
    first = api.post("/v1/users", json=body, headers=headers)
    again = api.post("/v1/users", json=body, headers=headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert again.headers["location"] == first.headers["location"]
    other = api.post("/v1/users", json=body | {"user_name": "bob"}, headers=headers)
    assert other.status_code == 422
