"""Fields of responses: parsed by any client, and never too small."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.ratelimit import (
    Decision,
    FixedWindow,
    LeakingBucket,
    Limit,
    SlidingWindowLog,
    TokenBucket,
)
from streaming.ratelimit.http import Policy, Refused
from streaming.ratelimit.http.fields import rate_limit_fields, retry_after
from streaming.ratelimit.http.outcome import Outcome
from tests.streaming.ratelimit.http.structured import read_list

NEVER = math.inf


def outcome(
    name: str, limit: Limit, remaining: int = 0, retry_after_s: float = 0.0, reset_after_s: float = 0.0
) -> Outcome:
    decision = Decision(retry_after_s == 0, remaining, 0.0, retry_after_s, reset_after_s)
    return Outcome(Policy(name=name, limit=limit, by=(), routes=()), decision)


def read_fields(*outcomes: Outcome) -> tuple[str, str]:
    fields = dict(rate_limit_fields(outcomes))
    assert set(fields) == {b"ratelimit-policy", b"ratelimit"}
    return fields[b"ratelimit-policy"].decode("ascii"), fields[b"ratelimit"].decode("ascii")


def test_the_fields_of_the_draft() -> None:
    login = outcome("login", SlidingWindowLog(5, 60), remaining=4, reset_after_s=59.2)
    assert read_fields(login) == ('"login";q=5;w=60', '"login";r=4;t=60')
    burst = outcome("burst", TokenBucket(10.5, 4), remaining=9, reset_after_s=0.25)
    assert read_fields(burst, login) == (
        '"burst";q=10;w=3, "login";q=5;w=60',
        '"burst";r=9;t=1, "login";r=4;t=60',
    )
    assert rate_limit_fields([]) == []


def test_on_a_refusal_t_is_the_wait_of_those_that_refuse() -> None:
    refusing = outcome("burst", TokenBucket(10, 4), retry_after_s=0.25, reset_after_s=2.5)
    never = outcome("small", FixedWindow(1, 1), remaining=1, retry_after_s=NEVER)
    allowing = outcome("daily", FixedWindow(1000, 86_400), remaining=7, reset_after_s=40_000)
    assert read_fields(refusing, never, allowing)[1] == '"burst";r=0;t=1, "small";r=1, "daily";r=7'


def test_a_policy_asked_twice_is_told_once_as_it_was_last() -> None:
    twice = [outcome("login", FixedWindow(5, 60), remaining=number, reset_after_s=9) for number in (4, 2)]
    assert read_fields(*twice) == ('"login";q=5;w=60', '"login";r=2;t=9')


@pytest.mark.parametrize(
    ("limit", "q", "w"),
    [
        (LeakingBucket(3, 2), 3, 2),
        (FixedWindow(2.5, 0.2), 2, 1),
        (FixedWindow(0.5, 1), 0, 1),
        (TokenBucket(Fraction(1, 3), 1000), 0, 1),
        (FixedWindow(10**15, 100 * 365 * 86_400), 10**15 - 1, 3_153_600_000),
        (TokenBucket(10, Fraction(1, 3)), 10, 30),
    ],
)
def test_units_and_windows_are_whole(limit: Limit, q: int, w: int) -> None:
    least = Policy(name="p", limit=limit, by=(), routes=(), cost=0.1)
    [policy, state] = rate_limit_fields([Outcome(least, Decision(True, 10**15, 0.0, 0.0, 1.0))])
    assert read_list(policy[1].decode()) == {"p": {"q": q, "w": w}}
    assert read_list(state[1].decode()) == {"p": {"r": 10**15 - 1, "t": 1}}


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=64))
def test_any_name_comes_back(name: str) -> None:
    fields = read_fields(outcome(name, FixedWindow(5, 60)), outcome("another" * 2, FixedWindow(1, 1)))
    assert next(iter(read_list(fields[0]))) == name
    assert next(iter(read_list(fields[1]))) == name


@given(st.integers(min_value=1, max_value=3 * 10**15))
def test_retry_after_is_never_too_short(wait_us: int) -> None:
    [(name, value)] = retry_after(wait_us / 10**6)
    assert name == b"retry-after"
    assert wait_us <= int(value) * 10**6 <= max(10**6, wait_us + 10**6)


def test_a_refusal_is_a_problem() -> None:
    burst = outcome("burst", TokenBucket(10, 4), retry_after_s=0.25)
    login = outcome('log"in', SlidingWindowLog(5, 60), retry_after_s=12.000001)
    refused = Refused.from_outcomes([burst, login])
    assert (refused.status, refused.violated, refused.retry_after_s) == (429, ["burst", 'log"in'], 12.000001)
    assert dict(refused.headers) == {
        b"content-type": b"application/problem+json",
        b"content-length": b"%d" % len(refused.body),
        b"cache-control": b"no-store",
        b"retry-after": b"13",
    }
    assert json.loads(refused.body) == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Quota exceeded",
        "status": 429,
        "detail": 'This is over the limit: "burst" (10 in 3 s) and "log"in" (5 in 60 s); try again in 13 s.',
        "violated-policies": ["burst", 'log"in'],
        "retry_after_s": 12.000001,
    }


def test_what_never_passes_says_so() -> None:
    refused = Refused.from_outcomes([outcome("small", FixedWindow(1, 1), retry_after_s=NEVER)])
    assert b"retry-after" not in dict(refused.headers)
    body = json.loads(refused.body)
    assert body["retry_after_s"] is None
    assert body["detail"] == 'This asks for more than is ever allowed by "small" (1 in 1 s); ask for less.'


def test_the_reader_of_these_tests_is_strict() -> None:
    for wrong in (
        '"a";q=1,',
        '"a";q=1234567890123456',
        '"a"b"',
        "a;q=1",
        '"ü"',
        '"a"; q',
        '"a" "b"',
        '"a","a"',
        "",
    ):
        with pytest.raises(AssertionError):
            read_list(wrong)
