"""WebSockets under a real server: handshakes are requests, frames have limits of their own, and the socket lives."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from streaming.ratelimit import RateLimiter, RedisStore
from streaming.ratelimit.http import Refused
from tests.streaming.ratelimit.http.served import NAMES, NOBODY, SLOW, build_middleware, served
from tests.streaming.ratelimit.http.structured import read_list

FRAMES: dict[str, Any] = {"name": "frames", "frames": True} | SLOW


def test_a_handshake_is_a_request() -> None:
    with served(build_middleware({"name": "p", "routes": ["GET /socket"]} | SLOW | {"capacity": 1})) as url:
        with connect(f"ws://{url}/socket") as socket:
            assert socket.response is not None
            assert read_list(socket.response.headers["ratelimit"])["p"]["r"] == 0
            socket.send("hello")
            assert socket.recv(5) == "hello"
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://{url}/socket")
    answer = refused.value.response
    assert answer.status_code == 429
    wait_s = int(answer.headers["retry-after"])
    assert 90 < wait_s <= 100
    assert read_list(answer.headers["ratelimit"]) == {"p": {"r": 0, "t": wait_s}}
    assert json.loads(answer.body)["violated-policies"] == ["p"]


def test_a_handshake_without_its_store() -> None:
    middleware = build_middleware({"name": "p"} | SLOW, limiter=RateLimiter(RedisStore(NOBODY)))
    with served(middleware) as url, pytest.raises(InvalidStatus) as refused:
        connect(f"ws://{url}/socket")
    assert (refused.value.response.status_code, refused.value.response.headers["retry-after"]) == (503, "1")


def test_a_handshake_queues() -> None:
    leaking = {"name": "queue", "algorithm": "leaking_bucket", "bucket_size": 2, "outflow_per_s": 4}
    with served(build_middleware(leaking)) as url:
        began_s = time.monotonic()
        for _ in range(2):
            with connect(f"ws://{url}/socket") as socket:
                socket.send(b"hello")
                assert socket.recv(5) == b"hello"
        assert time.monotonic() - began_s >= 0.2


def test_a_handler_refuses_a_handshake_or_closes() -> None:
    with served(build_middleware(NAMES)) as url:
        with connect(f"ws://{url}/asks-first") as socket:
            socket.send("ask")
            assert socket.recv(5) == "ask"
            socket.send("ask")
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(5)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://{url}/asks-first")
    assert refused.value.response.status_code == 429


def test_frames_over_the_limit_are_not_passed_on_and_the_socket_lives() -> None:
    quick = FRAMES | {"refill_per_s": 1}
    with served(build_middleware(quick)) as url, connect(f"ws://{url}/socket") as socket:
        for number in range(6):
            socket.send(str(number))
        assert [socket.recv(5) for _ in range(3)] == ["0", "1", "2"]
        notice = json.loads(socket.recv(5))
        assert (notice["type"], notice["code"]) == ("error", "rate_limited")
        assert 0 < notice["retry_after_s"] <= 1
        time.sleep(notice["retry_after_s"])
        socket.send(b"again")
        assert (
            socket.recv(5) == b"again"
        )  # of 4 and 5 nothing was said: once is enough until the wait is over


def test_frames_are_counted_by_subject_on_all_its_sockets() -> None:
    with served(build_middleware(FRAMES)) as url:
        ann, bob = {"x-user": "ann"}, {"x-user": "bob"}
        with (
            connect(f"ws://{url}/socket", additional_headers=ann) as one,
            connect(f"ws://{url}/socket", additional_headers=ann) as other,
            connect(f"ws://{url}/socket", additional_headers=bob) as another,
        ):
            for socket in (one, other, one):
                socket.send("hello")
                assert socket.recv(5) == "hello"
            other.send("hello")
            assert json.loads(other.recv(5))["code"] == "rate_limited"
            another.send("hello")
            assert another.recv(5) == "hello"


def test_frames_may_be_counted_in_bytes() -> None:
    with (
        served(build_middleware(FRAMES | {"capacity": 10, "cost": "bytes"})) as url,
        connect(f"ws://{url}/socket") as socket,
    ):
        for frame in ("ü" * 3, b"1234"):
            socket.send(frame)
            assert socket.recv(5) == frame
        socket.send("x" * 11)
        notice = json.loads(socket.recv(5))
        assert notice["retry_after_s"] is None
        assert "more than is ever allowed" in notice["detail"]


def test_the_application_says_what_the_peer_is_told() -> None:
    def tell(frame: str | bytes, refused: Refused) -> str | bytes | None:
        return None if frame == b"quiet" else f"{frame!r} {refused.violated}"

    middleware = build_middleware(FRAMES | {"capacity": 1, "refill_per_s": 4}, tell=tell)
    with served(middleware) as url, connect(f"ws://{url}/socket") as socket:
        socket.send("hello")
        assert socket.recv(5) == "hello"
        socket.send("loud")
        assert socket.recv(5) == "'loud' ['frames']"
        time.sleep(0.25)
        socket.send("once more")
        assert socket.recv(5) == "once more"
        socket.send(b"quiet")
        time.sleep(0.25)
        socket.send("alive")
        assert socket.recv(5) == "alive"


def test_a_flood_ends_with_1008() -> None:
    with served(build_middleware(FRAMES, close_after=20)) as url, connect(f"ws://{url}/socket") as socket:
        for number in range(3 + 20):
            socket.send(str(number))
        received = [socket.recv(5) for _ in range(4)]
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(5)
    assert json.loads(received[3])["code"] == "rate_limited"  # once for all
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_frames_of_a_leaking_bucket_go_on_one_after_another() -> None:
    leaking = {
        "name": "f",
        "frames": True,
        "algorithm": "leaking_bucket",
        "bucket_size": 3,
        "outflow_per_s": 10,
    }
    with served(build_middleware(leaking)) as url, connect(f"ws://{url}/socket") as socket:
        began_s = time.monotonic()
        for number in range(3):
            socket.send(str(number))
        assert [socket.recv(5) for _ in range(3)] == ["0", "1", "2"]
        assert time.monotonic() - began_s >= 0.1


def test_frames_in_the_shadow_pass() -> None:
    with served(build_middleware(FRAMES | {"shadow": True})) as url, connect(f"ws://{url}/socket") as socket:
        for number in range(6):
            socket.send(str(number))
            assert socket.recv(5) == str(number)


def test_frames_without_their_store_are_refused_and_the_socket_lives() -> None:
    limiter = RateLimiter(RedisStore(NOBODY))
    with served(build_middleware(FRAMES, limiter=limiter)) as url, connect(f"ws://{url}/socket") as socket:
        socket.send("hello")
        notice = json.loads(socket.recv(5))
        assert (notice["code"], notice["retry_after_s"]) == ("rate_limited", 1.0)
        socket.ping().wait(5)
