"""Malformed and abusive requests: each gets its status, as a problem, and affects no other client."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest

from streaming.serving import body_limit, server
from tests.streaming.api.raw_socket import Raw, answer, ask, closes_within, connected, request
from tests.streaming.conftest import Person, served

Join = Callable[..., Person]
JSON = "Content-Type: application/json"
MIB = 1 << 20


@pytest.fixture
def url(api: httpx.Client) -> str:
    return str(api.base_url)


@pytest.fixture
def hurried(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that waits for nothing longer than half a second."""
    for module, name in (
        (server, "HEAD_WITHIN_S"),
        (server, "REST_WITHIN_S"),
        (server, "READ_WITHIN_S"),
        (body_limit, "BODY_WITHIN_S"),
    ):
        monkeypatch.setattr(module, name, 0.5)
    with served() as found:
        yield found


def sign_up(url: str, body: bytes, *headers: str) -> Raw:
    return ask(url, request("POST", "/v1/users", *(headers or (JSON,)), body=body))


def alive(url: str) -> None:
    """The server answers others at once."""
    begun_s = time.monotonic()
    assert httpx.get(f"{url}/healthz").status_code == 200
    assert time.monotonic() - begun_s < 2


# Bodies


def test_a_body_over_a_mebibyte(url: str) -> None:
    body = b'{"user_name":"' + b"x" * MIB + b'"}'
    assert sign_up(url, body).problem["status"] == 413
    chunks = b"".join(b"%x\r\n%s\r\n" % (65536, b"x" * 65536) for _ in range(17)) + b"0\r\n\r\n"
    assert sign_up(url, chunks, JSON, "Transfer-Encoding: chunked").problem["status"] == 413
    exact = b'{"user_name":"' + b"x" * (MIB - 16) + b'"}'
    assert len(exact) == MIB
    assert sign_up(url, exact).problem["status"] == 422
    alive(url)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"\xff\xfe{}", 400),
        (b'{"user_name": "\xc3\x28", "password": "correct horse"}', 400),
        (b"[" * 100_000, 400),
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 400),
        (b'{"user_name": NaN, "password": "correct horse"}', 422),
        (b'{"user_name": 1e999, "password": "correct horse"}', 422),
        (b'{"user_name": ' + b"9" * 5_000 + b', "password": "correct horse"}', 400),
        (b'{"user_name": ' + b"9" * 4_000 + b', "password": "correct horse"}', 422),
        (b"null", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b'{"user_name": {"$ne": null}, "password": "correct horse"}', 422),
        (b'{"user_name": "a", "user_name": 5, "password": "correct horse"}', 422),
    ],
)
def test_bodies_that_say_nothing(url: str, body: bytes, status: int) -> None:
    assert sign_up(url, body).problem["status"] == status


def test_of_two_values_the_last_one_counts(url: str) -> None:
    found = sign_up(url, b'{"user_name": "a", "user_name": "b", "password": "correct horse"}')
    assert json.loads(found.body)["user_name"] == "b"


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "",
    ],
)
def test_what_is_no_json_is_told_so(url: str, kind: str) -> None:
    body = b'{"user_name": "ann", "password": "correct horse"}'
    assert sign_up(url, body, f"Content-Type: {kind}").problem["status"] == 415


@pytest.mark.parametrize("headers", [("X-Nothing: 1",), ("Content-Type: Application/JSON; charset=utf-8",)])
def test_json_by_any_name(url: str, headers: tuple[str, ...]) -> None:
    assert sign_up(url, b'{"user_name": "ann", "password": "correct horse"}', *headers).status == 201


def test_a_compressed_body_is_not_unpacked(url: str) -> None:
    bomb = gzip.compress(b"[" * (64 * MIB))
    for name in ("gzip", "br", "gzip, gzip", "deflate"):
        assert sign_up(url, bomb, JSON, f"Content-Encoding: {name}").problem["status"] == 415


def test_a_slow_body(hurried: str) -> None:
    with connected(hurried) as connection:
        connection.sendall(request("POST", "/v1/users", JSON, "Content-Length: 100", body=b"{"))
        assert answer(connection).problem["status"] == 408
        assert closes_within(connection, 2)
    alive(hurried)


@pytest.mark.parametrize("drip", [True, False])
def test_a_body_that_nobody_waits_for(hurried: str, drip: bool) -> None:
    """The answer is out long before; what still comes may not hold the connection for ever."""
    with connected(hurried) as connection:
        connection.sendall(request("GET", "/nothing", "Content-Length: 100", body=b"x"))
        assert answer(connection).status == 404
        if drip:
            with suppress(OSError):
                for _ in range(8):
                    connection.sendall(b"x")
                    time.sleep(0.1)
        assert closes_within(connection, 2)


# Heads


def test_huge_headers(url: str) -> None:
    alive(url)
    for size in (60_000, 70_000, 250_000, 10 * MIB):
        found = ask(url, request("GET", "/healthz", "X-Long: " + "x" * size))
        assert found.status == (200 if size < 64 << 10 else 431)
        if size > 64 << 10:
            assert found.problem


def test_many_headers(url: str) -> None:
    for count in (150, 250, 20_000):
        found = ask(url, request("GET", "/healthz", *(f"X-{number}: 1" for number in range(count))))
        assert found.status == (200 if count < 200 else 431)


def test_two_hosts(url: str) -> None:
    """A proxy may have chosen the route by one of them, and we the answer by the other."""
    for second in ("Host: elsewhere.example", "hOST: 127.0.0.1"):
        found = ask(url, request("GET", "/healthz", second))
        assert (found.status, found.problem["detail"]) == (400, "More than one Host (RFC 9112, section 3.2).")
    alive(url)
    alive(url)


def test_a_header_that_never_ends_takes_no_memory(url: str) -> None:
    sent = 0
    with connected(url) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Long: ")
        with suppress(OSError):
            while sent < 512 * MIB:
                sent += connection.send(b"x" * 65536)
    # Not more than what the kernel's buffers of both sides take.
    assert sent < 64 * MIB
    alive(url)


def test_trailers_that_never_end_take_no_memory(url: str) -> None:
    for trailers in (b"X-Long: " + b"x" * 65536, b"X-1: 1\r\n" * 8192):
        sent = 0
        with connected(url) as connection:
            connection.sendall(
                request("POST", "/v1/users", JSON, "Transfer-Encoding: chunked", body=b"0\r\n")
            )
            with suppress(OSError):
                while sent < 512 * MIB:
                    sent += connection.send(trailers)
        assert sent < 64 * MIB
    alive(url)


def test_slow_headers(hurried: str) -> None:
    with connected(hurried) as silent, connected(hurried) as slow, connected(hurried) as second:
        second.sendall(request("GET", "/healthz"))
        assert answer(second).status == 200
        second.sendall(b"GET / HTTP/1.1\r\n")
        with suppress(OSError):
            for _ in range(8):
                slow.sendall(b"X")
                time.sleep(0.1)
        for connection in (silent, slow, second):
            assert closes_within(connection, 2)
    alive(hurried)


def test_a_long_address(url: str) -> None:
    assert ask(url, request("GET", "/v1/users/" + "x" * 100_000)).problem["status"] in (414, 431)
    assert ask(url, request("GET", "/v1/users/" + "x" * 9_000)).problem["status"] == 414
    assert ask(url, request("GET", "/healthz?" + "x" * 7_000)).status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"GET healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHo st: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nX: a\0b\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        # Two readings of where a request ends (RFC 9112, section 11.2).
        request("POST", "/v1/users", "Content-Length: 4", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        request("POST", "/v1/users", "Transfer-Encoding: chunked", "Content-Length: 4", body=b"0\r\n\r\n"),
        request("POST", "/v1/users", "Content-Length: 1", "Content-Length: 2", body=b"{}"),
        request("POST", "/v1/users", "Content-Length: 1, 2", body=b"{}"),
        request("POST", "/v1/users", "Content-Length: +2", body=b"{}"),
        request("POST", "/v1/users", "Content-Length: -1", body=b"{}"),
        request("POST", "/v1/users", "Content-Length: 99999999999999999999", body=b"{}"),
        request("POST", "/v1/users", "Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
        request("POST", "/v1/users", "Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
        request("POST", "/v1/users", "Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
        request("POST", "/v1/users", JSON, "Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n0\r\n\r\n"),
    ],
)
def test_what_is_no_http_is_400(url: str, sent: bytes) -> None:
    found = ask(url, sent)
    assert found.problem["status"] == 400
    assert found.headers["connection"] == "close"
    alive(url)


# Addresses

ODD_PATHS = [
    "/v1/users/..%2f..%2fetc%2fpasswd",
    "/v1/users/%2e%2e/sessions",
    "/v1/users/../../etc/passwd",
    "/media/packages/%2e%2e/%2e%2e/etc/passwd",
    "/media/packages/x/..%2f..%2f..%2fetc%2fpasswd",
    "/static/..%2f..%2fapp.py",
    "/static/%00",
    "/v1/users/a%00b",
    "/v1/posts/a%00b",
    "/watch/a%00b",
    "/v1/users/%",
    "/v1/users/%zz",
    "/v1/users/%ff%fe",
    "/v1/users/%ed%a0%80",
    "/v1/users/\xff\xfe",
    "/v1/users/%F0%9F%98%80",
    "//v1/users",
    "/v1//users",
    "/v1/users/" + "x" * 65,
    "/v1/users/'; DROP TABLE users; --".replace(" ", "%20"),
    "/v1/friends?cursor=%00",
    "/v1/friends?cursor=%ff%fe",
    "/v1/friends?cursor=\xff\xfe",
    "/v1/friends?cursor=WyJcdWQ4MDAiXQ",
    "/v1/friends?cursor=WyJcdTAwMDAiXQ",
    "/v1/friends?limit=99999999999999999999999999",
    "/v1/friends?limit=%00",
    "/v1/friends?limit=1&limit=x",
    "/v1/friends?state=%F0%9F%98%80",
    "/v1/users/;/..;/x",
    "/nothing%0d%0aSet-Cookie:%20a=b",
]


def test_odd_addresses_lead_nowhere(url: str, join: Join) -> None:
    token = f"Authorization: Bearer {join().access_token}"
    for path in ODD_PATHS:
        for method in ("GET", "PUT", "DELETE", "HEAD"):
            found = ask(url, request(method, path, token))
            assert found.status in (400, 404, 405, 422), (method, path, found)
            assert "set-cookie" not in found.headers
            if method != "HEAD" and not path.startswith("/watch"):
                assert found.problem


def test_nul_and_long_ids(url: str, join: Join) -> None:
    token = f"Authorization: Bearer {join().access_token}"
    for kind in ("friends", "follows", "blocks"):
        for name, put, delete in (("a%00b", 404, 204), ("x" * 65, 422, 422), ("%F0%9F%98%80", 404, 204)):
            assert ask(url, request("PUT", f"/v1/{kind}/{name}", token)).status == put
            assert ask(url, request("DELETE", f"/v1/{kind}/{name}", token)).status == delete


# Methods


def test_every_address_answers_every_method(url: str, api: httpx.Client) -> None:
    paths = [path.replace("{", "").replace("}", "") for path in api.get("/openapi.json").json()["paths"]]
    paths += ["/", "/nothing", "/metrics", "/openapi.json", "/static/watch.js", "/media/x", "/watch/x"]
    for path in paths:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
            found = ask(url, request(method, path))
            assert found.status < 500 or path == "/readyz", (method, path, found)
            if found.status == 405:
                allowed = found.headers["allow"].split(", ")
                assert method not in allowed
                # tus asks how much is there by HEAD alone.
                assert ("HEAD" in allowed) == ("GET" in allowed) or path.startswith("/v1/uploads")
                if method != "HEAD":
                    assert found.problem
            elif found.status >= 400 and method != "HEAD" and not path.startswith("/watch"):
                assert found.problem


def test_all_methods_of_an_address_are_named(url: str) -> None:
    found = ask(url, request("POST", "/v1/users/x"))
    assert found.headers["allow"] == "DELETE, GET, HEAD, PATCH"
    assert ask(url, request("OPTIONS", "/v1/users")).headers["allow"] == "POST"


def test_head_is_get_without_a_body(url: str, api: httpx.Client) -> None:
    for path in ("/healthz", "/openapi.json", "/v1/friends", "/nothing"):
        shown, head = api.get(path), api.head(path)
        assert (shown.status_code, head.content) == (head.status_code, b"")
        assert shown.headers["content-length"] == head.headers["content-length"]
        assert shown.headers["content-type"] == head.headers["content-type"]


def test_http_1_0(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        found = answer(connection)
        assert (found.status, found.body) == (200, b'{"status":"ok"}')
        assert closes_within(connection, 2)


def test_upgrades_are_not_taken(url: str) -> None:
    headers = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: x",
    )
    assert ask(url, request("GET", "/v1/friends", *headers)).problem["status"] == 401


# Crowds


def test_a_flood_is_slowed_down_and_others_are_served(url: str, api: httpx.Client, join: Join) -> None:
    ann = join()
    assert ann.http.get("/v1/friends").status_code == 200
    many = request("GET", "/v1/friends") * 100
    refused: list[Raw] = []
    with connected(url) as connection:
        for _ in range(10):
            connection.sendall(many)
            refused += [found for found in answers(connection, 100) if found.status == 429]
            if refused:
                break
    assert refused
    for found in refused:
        assert found.problem["title"]
        assert int(found.headers["retry-after"]) > 0
        assert "ratelimit" in found.headers
        assert "ratelimit-policy" in found.headers
    assert ann.http.get("/v1/friends").status_code == 200
    assert api.get("/healthz").status_code == 200


def answers(connection: socket.socket, count: int) -> Iterator[Raw]:
    """So many answers of requests that were sent together."""
    with connection.makefile("rb") as lines:
        for _ in range(count):
            status_line, headers = lines.readline(), {}
            while line := lines.readline().strip():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            body = lines.read(int(headers["content-length"]))
            yield Raw(int(status_line.split()[1]), headers, body)


def test_idle_connections_stop_nobody(url: str) -> None:
    with ExitStack() as idle:
        for _ in range(2_000):
            idle.enter_context(connected(url))
        alive(url)
        assert sign_up(url, b'{"user_name": "ann", "password": "correct horse"}').status == 201


def test_over_the_most_connections_it_says_so(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 20)
    with served() as url:
        with ExitStack() as idle:
            for _ in range(20):
                idle.enter_context(connected(url))
            found = ask(url, request("GET", "/healthz"))
            assert found.problem["status"] == 503
            assert int(found.headers["retry-after"]) > 0
        time.sleep(0.2)
        alive(url)


def test_who_stops_reading_harms_nobody(hurried: str, package: str, caplog: pytest.LogCaptureFixture) -> None:
    """Large answers that nobody takes, many asked for ahead: they are given up after a while, without a word."""
    sent = request("GET", f"/media/packages/{package}/0a1b/1.m4s") * 100
    with ExitStack() as stalled:
        for _ in range(20):
            connection = stalled.enter_context(connected(hurried))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(sent)
        alive(hurried)
        assert active(hurried) > 15
        deadline_s = time.monotonic() + 60
        while active(hurried) > 1 and time.monotonic() < deadline_s:
            time.sleep(0.1)
        assert active(hurried) == 1
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def active(url: str) -> int:
    """How many requests are being served, the one that asks among them."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    [value] = [line.split()[1] for line in lines if line.startswith("http_requests_active ")]
    return int(float(value))


def test_who_goes_away_harms_nobody(url: str) -> None:
    for _ in range(50):
        with connected(url) as connection:
            connection.sendall(request("POST", "/v1/users", JSON, "Content-Length: 100", body=b"{"))
    alive(url)


# Our own faults


def test_our_fault_is_a_problem_with_all_headers(
    url: str, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("streaming.api.graph.friends.list_people", fail)
    found = ask(url, request("GET", "/v1/friends", f"Authorization: Bearer {join().access_token}"))
    assert found.problem["status"] == 500
    assert b"secret" not in found.body
    assert found.headers["cache-control"] == "no-cache"


def test_a_given_request_id_is_kept_where_it_is_one(url: str) -> None:
    assert ask(url, request("GET", "/nothing", "X-Request-Id: mine")).headers["x-request-id"] == "mine"
    for odd in ("a b", "x" * 65, '"', "\xff"):
        found = ask(url, request("GET", "/nothing", f"X-Request-Id: {odd}"))
        assert found.headers["x-request-id"] != odd
        assert found.problem
