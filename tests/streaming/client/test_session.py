"""A session on the command line: kept for its owner alone, refreshed in time, shared by commands side by side."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from newsreel.commands.people import validate_password
from schemas.errors import DependencyError, InputError, LogInError
from stores.postgres import connect
from streaming.client.session import ApiClient, Session, parse_answer
from tests.streaming.client.faulty_tus import faulty_tus
from tests.streaming.conftest import served

PASSWORD = "correct horse"


@pytest.fixture
def server(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A served API with two accounts."""
    monkeypatch.delenv("NEWSREEL_TOKEN", raising=False)
    with served() as url:
        for name in ("ann", "bob"):
            made = httpx.post(f"{url}/v1/users", json={"user_name": name, "password": PASSWORD})
            assert made.status_code == 201
        yield url


def log_in(home: Path, server: str, user_name: str = "ann") -> None:
    with ApiClient(home, server) as client:
        client.log_in(user_name, PASSWORD)


def read_session(home: Path) -> Session:
    return Session(**json.loads((home / "session.json").read_text()))


def age(home: Path) -> None:
    """Expire the access token."""
    old = replace(read_session(home), expires_s=time.time())
    (home / "session.json").write_text(json.dumps(old.__dict__))


def find_user_name(client: ApiClient) -> str:
    """Name of the account that the server authenticates: the one whose private fields it shows."""
    with connect() as connection:
        rows = connection.execute("SELECT user_id FROM users ORDER BY user_name").fetchall()
    shown = [parse_answer(client.request("GET", f"/v1/users/{row['user_id']}")) for row in rows]
    [own] = [account for account in shown if "last_login" in account]
    return str(own["user_name"])


def test_a_session_is_its_owners_alone(server: str, home: Path) -> None:
    log_in(home, server)
    assert stat.S_IMODE((home / "session.json").stat().st_mode) == 0o600
    assert PASSWORD not in (home / "session.json").read_text()
    with ApiClient(home) as client:
        assert client.server == server, "the session's server is the one that is meant"
        assert find_user_name(client) == "ann"


def test_a_token_that_ends_is_refreshed_and_the_next_pair_kept(server: str, home: Path) -> None:
    log_in(home, server)
    age(home)
    before = read_session(home)
    for _ in range(2):
        with ApiClient(home) as client:
            assert find_user_name(client) == "ann"
    assert read_session(home).refresh_token != before.refresh_token
    assert stat.S_IMODE((home / "session.json").stat().st_mode) == 0o600


def test_commands_side_by_side_do_not_end_their_session(server: str, home: Path) -> None:
    """A refresh token is good once: used again, it ends the session."""
    log_in(home, server)
    age(home)
    clients = [ApiClient(home) for _ in range(6)]
    with ThreadPoolExecutor(len(clients)) as threads:
        assert set(threads.map(find_user_name, clients)) == {"ann"}
    for client in clients:
        client.__exit__(None, None, None)
    age(home)
    with ApiClient(home) as client:
        assert find_user_name(client) == "ann"


def test_who_logs_in_meanwhile_stays_logged_in(server: str, home: Path) -> None:
    log_in(home, server)
    age(home)
    with ApiClient(home) as long_upload:
        log_in(home, server, "bob")
        assert find_user_name(long_upload) == "ann"
    assert read_session(home).user_name == "bob"


def test_a_token_that_is_refused_early_is_refreshed(server: str, home: Path) -> None:
    """A clock that is wrong takes an old token for a good one."""
    log_in(home, server)
    wrong = replace(read_session(home), access_token="none.of.yours", expires_s=time.time() + 900)
    (home / "session.json").write_text(json.dumps(wrong.__dict__))
    with ApiClient(home) as client:
        assert find_user_name(client) == "ann"


def test_a_session_that_has_ended_says_what_to_do(server: str, home: Path) -> None:
    log_in(home, server)
    with ApiClient(home) as client:
        assert client.request("DELETE", "/v1/sessions").status_code == 204
        with pytest.raises(LogInError, match="newsreel login"):
            find_user_name(client)


def test_nobody_is_logged_in_at_another_server(server: str, home: Path) -> None:
    log_in(home, server)
    with ApiClient(home, "http://127.0.0.1:9") as client, pytest.raises(LogInError, match="newsreel login"):
        client.request("GET", "/v1/follows")


def test_the_token_of_the_environment_goes_before_the_session(
    server: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(home, server)
    bob = httpx.post(f"{server}/v1/sessions", json={"user_name": "bob", "password": PASSWORD}).json()
    monkeypatch.setenv("NEWSREEL_TOKEN", bob["access_token"])
    with ApiClient(home) as client:
        assert find_user_name(client) == "bob"
    monkeypatch.setenv("NEWSREEL_TOKEN", "none of yours")
    with ApiClient(home) as client, pytest.raises(LogInError, match="NEWSREEL_TOKEN"):
        client.request("GET", "/v1/follows")


def test_a_password_that_the_api_would_refuse_is_refused(server: str) -> None:
    for password in ("x" * 257, "correct\0horse"):
        with pytest.raises(InputError, match="password"):
            validate_password(password)
    assert validate_password(PASSWORD) == PASSWORD


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"server": 1}', "\0"])
def test_a_spoilt_session_is_none(text: str, home: Path) -> None:
    home.mkdir()
    (home / "session.json").write_text(text)
    with ApiClient(home) as client, pytest.raises(LogInError, match="newsreel login"):
        client.request("GET", "/v1/follows")


@pytest.mark.parametrize("address", ["ftp://x", "x:8080", "http://", "http://x:port"])
def test_an_address_that_is_none_is_told(address: str, home: Path) -> None:
    with pytest.raises(InputError, match="--server"):
        ApiClient(home, address)


def test_a_server_that_is_another_kind_is_told(home: Path) -> None:
    with faulty_tus() as other, ApiClient(home, other.url) as client:
        other.faults = [("POST", 200, {})]
        with pytest.raises(DependencyError, match="not a Newsreel server"):
            client.log_in("ann", PASSWORD)
