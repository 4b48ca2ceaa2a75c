"""Policies are read from data, and what is wrong in it is said: which policy, which field, what to do."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from streaming.ratelimit import (
    FixedWindow,
    LeakingBucket,
    SlidingWindowCounter,
    SlidingWindowLog,
    TokenBucket,
)
from streaming.ratelimit.http import Policies, Policy, read_policies

LOGIN: dict[str, Any] = {
    "name": "login",
    "algorithm": "sliding_window_log",
    "limit": 5,
    "window_s": 60,
    "by": ["address"],
    "routes": ["POST /v1/sessions"],
}


def test_all_five_are_read() -> None:
    window: dict[str, float] = {"limit": 5, "window_s": 60}
    parameters: dict[str, dict[str, float]] = {
        "token_bucket": {"capacity": 5, "refill_per_s": 0.5},
        "leaking_bucket": {"bucket_size": 5, "outflow_per_s": 0.5},
        "fixed_window": window,
        "sliding_window_log": window,
        "sliding_window_counter": window,
    }
    data = {
        "policies": [
            {"name": algorithm, "algorithm": algorithm, "by": [], "routes": ["/**"]} | own
            for algorithm, own in parameters.items()
        ]
    }
    assert [policy.limit for policy in read_policies(json.loads(json.dumps(data)))] == [
        TokenBucket(5, 0.5),
        LeakingBucket(5, 0.5),
        FixedWindow(5, 60),
        SlidingWindowLog(5, 60),
        SlidingWindowCounter(5, 60),
    ]


def test_every_field_is_read() -> None:
    [policy] = read_policies(
        {"policies": [LOGIN | {"by": ["user|address", "route"], "cost": 2.5, "shadow": True}]}
    )
    assert policy == Policy(
        name="login",
        limit=SlidingWindowLog(5, 60),
        by=("user|address", "route"),
        routes=("POST /v1/sessions",),
        cost=2.5,
        shadow=True,
    )
    [frames] = read_policies({"policies": [LOGIN | {"frames": True, "cost": "bytes"}]})
    assert (frames.frames, frames.units(300), frames.units(0)) == (True, 300, 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "name must be 1 to 64 printable ASCII"),
        ({"name": "lögin"}, "name must be"),
        ({"name": "x" * 65}, "name must be"),
        ({"name": 5}, "name must be"),
        ({"algorithm": "gcra"}, "algorithm must be one of token_bucket"),
        ({"algorithm": ["token_bucket"]}, "algorithm must be one of"),
        ({"algorithm": "token_bucket"}, "capacity is missing"),
        ({"capacity": 5}, "capacity is not a field of a policy with sliding_window_log"),
        ({"windows_s": 60}, "windows_s is not a field"),
        ({"limit": 0}, "limit must be above 0"),
        ({"limit": "5"}, "limit must be a number"),
        ({"limit": True}, "limit must be a number"),
        ({"window_s": math.nan}, "window_s must be finite"),
        ({"window_s": math.inf}, "window_s must be finite"),
        ({"window_s": -1}, "window_s must be above 0"),
        ({"by": "address"}, "by must be a list of texts"),
        ({"by": ["adress"]}, "by: 'adress' is none of user, address, key, route"),
        ({"by": ["user|"]}, "by: '' is none of"),
        ({"by": [1]}, "by must be a list of texts"),
        ({"routes": "/v1"}, "routes must be a list of texts"),
        ({"routes": ["v1"]}, "a route is a path"),
        ({"cost": 6}, "cost: 6 is more than"),
        ({"cost": 0}, "cost must be"),
        ({"cost": math.nan}, "cost must be"),
        ({"cost": math.inf}, "cost: inf is more than"),
        ({"cost": "5"}, "cost must be"),
        ({"cost": "bytes"}, "set frames"),
        ({"cost": "bytes", "frames": True, "limit": 0.5}, "cost: 1 is more than"),
        ({"shadow": "false"}, "shadow must be true or false"),
        ({"frames": 1}, "frames must be true or false"),
    ],
)
def test_wrong_entries_say_what_is_wrong(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"policies\[1\] \(name .*\): .*" + said):
        read_policies({"policies": [LOGIN | {"name": "other"}, LOGIN | change]})


@pytest.mark.parametrize("missing", ["name", "algorithm", "window_s", "by", "routes"])
def test_missing_fields_are_named(missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        read_policies({"policies": [{name: value for name, value in LOGIN.items() if name != missing}]})


@pytest.mark.parametrize(
    "wrong", [[], {}, {"policies": {}}, {"policies": [], "more": 1}, {"policies": [5]}, None]
)
def test_wrong_shapes_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="polic"):
        read_policies(wrong)


def test_a_name_stands_once() -> None:
    with pytest.raises(ValueError, match="'login': there are two"):
        read_policies({"policies": [LOGIN, LOGIN]})


def test_a_wrong_replacement_leaves_what_holds(caplog: pytest.LogCaptureFixture) -> None:
    policies = read_policies({"policies": [LOGIN]})
    [login] = policies
    with pytest.raises(ValueError, match="two"):
        policies.replace([login, login])
    assert policies.named("login") is login
    policies.replace(Policies())
    for _ in range(2):
        assert policies.named("login") is None
    assert [record.getMessage() for record in caplog.records] == [
        "no policy is named 'login': what asks for it is not limited"
    ]
