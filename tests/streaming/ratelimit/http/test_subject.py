"""Subjects are identified by what cannot be forged, and no two are taken for one."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.ratelimit import FixedWindow
from streaming.ratelimit.http import Policy
from streaming.ratelimit.http.asgi import Scope
from streaming.ratelimit.http.subject import Subject, Subjects, read_key

PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48", "::1")


def scope(client: str | None, *forwarded: str, **headers: str) -> Scope:
    lines = [(b"x-forwarded-for", text.encode("latin-1")) for text in forwarded]
    lines += [(name.replace("_", "-").encode(), text.encode("latin-1")) for name, text in headers.items()]
    return {"type": "http", "client": (client, 50_000) if client else None, "headers": lines}


def policy(*by: str, name: str = "p") -> Policy:
    return Policy(name=name, limit=FixedWindow(1, 1), by=by, routes=("/**",))


@pytest.mark.parametrize(
    ("client", "told"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("testclient", "testclient"),
        (None, "local"),
    ],
)
def test_addresses(client: str | None, told: str) -> None:
    assert Subjects().address(scope(client)) == told


def test_the_prefix_of_ipv6_may_be_another() -> None:
    client = scope("2001:db8:1:2:3:4:5:6")
    assert Subjects(ipv6_prefix=48).address(client) == "2001:db8:1::/48"
    assert Subjects(ipv6_prefix=128).address(client) == "2001:db8:1:2:3:4:5:6/128"
    for wrong in (0, 129):
        with pytest.raises(ValueError, match="ipv6_prefix"):
            Subjects(ipv6_prefix=wrong)


@pytest.mark.parametrize(
    ("client", "forwarded", "told"),
    [
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # no proxy of ours: whatever it says
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),  # the left was there before
        ("10.0.0.1", ["203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7", "10.0.0.2, 10.0.0.3"], "203.0.113.7"),  # lines count as one
        ("10.0.0.1", ["203.0.113.7, , 10.0.0.2,"], "203.0.113.7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),  # it began within
        ("10.0.0.1", ["unknown, 203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),  # who stands behind it nobody says
        ("10.0.0.1", ["198.51.100.1, <script>, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.7%x"], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("10.0.0.1", ["[2001:db8:1:2::5]:443"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["[2001:db8:1:2::5]"], "2001:db8:1:2::/64"),
        ("2001:db8:ffff::9", ["fe80::1%en0, 2001:db8:1:2::5"], "2001:db8:1:2::/64"),
        ("::1", ["203.0.113.7"], "203.0.113.7"),
        (None, ["203.0.113.7"], "local"),  # a Unix socket that is not said to be a proxy's
    ],
)
def test_x_forwarded_for_is_read_from_the_right(client: str | None, forwarded: list[str], told: str) -> None:
    assert Subjects(trusted_proxies=PROXIES).address(scope(client, *forwarded)) == told
    assert Subjects().address(scope(client, *forwarded)) == Subjects().address(scope(client))


def test_a_proxy_on_a_unix_socket() -> None:
    subjects = Subjects(trusted_proxies=["local", "10.0.0.0/8"])
    assert subjects.address(scope(None, "198.51.100.1, 203.0.113.7, 10.0.0.2")) == "203.0.113.7"
    assert subjects.address(scope(None)) == "local"


def test_wrong_proxies_are_refused() -> None:
    for wrong in ("10.0.0.1/8", "proxy.example"):
        with pytest.raises(ValueError, match=r"network|host bits"):
            Subjects(trusted_proxies=[wrong])


def test_an_api_key_is_kept_as_a_digest_alone() -> None:
    secret = "sk-live-0123456789"
    subject = Subject(Subjects(), scope("203.0.113.7", x_api_key=secret))
    key = subject.key(policy("key"), "/**")
    assert key is not None
    assert secret not in key
    assert len(key) == len("{key=}p") + 32
    other = Subject(Subjects(key="authorization"), scope("203.0.113.7", authorization=secret))
    assert other.key(policy("key"), "/**") == key
    found = Subject(Subjects(key=lambda _: secret), scope("203.0.113.7"))
    assert found.key(policy("key"), "/**") == key


def test_alternatives_and_what_is_not_known() -> None:
    def user(scope: Scope) -> Any:
        return dict(scope["headers"]).get(b"x-user", b"").decode() or None

    somebody = Subject(Subjects(user=user), scope("203.0.113.7", x_user="42"))
    nobody = Subject(Subjects(user=user), scope("203.0.113.7"))
    assert somebody.key(policy("user|address"), "/**") == "{user=42}p"
    assert nobody.key(policy("user|address"), "/**") == "{address=203.0.113.7}p"
    assert nobody.key(policy("user"), "/**") is None
    assert nobody.key(policy("address", "key"), "/**") is None
    assert nobody.key(policy(), "/**") == "{}p"
    assert nobody.key(policy("route"), None) is None
    assert nobody.key(policy("address", "route"), "POST /v1/{id}") is not None


def test_what_is_known_once_is_not_looked_for_again_and_what_is_not_is() -> None:
    users: list[str | None] = [None, "42", "43"]
    subject = Subject(Subjects(user=lambda _: users.pop(0)), scope("203.0.113.7"))
    assert [subject.key(policy("user"), "/**") for _ in range(3)] == [None, "{user=42}p", "{user=42}p"]


SEPARATORS = [
    "",
    "a",
    "&",
    "=",
    "~",
    "{",
    "}",
    "%",
    "%26",
    "a&given=b",
    "a=b",
    "user=a",
    "/",
    ":",
    " ",
    "ü",
    "\ud800",
    "\0",
]
TEXTS = st.sampled_from(SEPARATORS) | st.text(max_size=5)
ANYBODY = Subject(Subjects(), scope("203.0.113.7"))


def key_of(name: str, given: list[str]) -> str:
    key = ANYBODY.key(policy(name=name), "/**", given)
    assert key is not None
    return key


@given(
    st.tuples(st.sampled_from(["p", "q", "p}", "{", "p&", "%7B"]), st.lists(TEXTS, max_size=3)),
    st.tuples(st.sampled_from(["p", "q", "p}", "{", "p&", "%7B"]), st.lists(TEXTS, max_size=3)),
)
def test_no_two_subjects_share_a_key(one: tuple[str, list[str]], other: tuple[str, list[str]]) -> None:
    assert (key_of(*one) == key_of(*other)) == (one == other)
    assert read_key(key_of(*one)) == (one[0], [f"given={text}" for text in one[1]])


def test_kinds_of_subjects_do_not_mix() -> None:
    same = "203.0.113.7"
    subject = Subject(Subjects(user=lambda _: same, key=lambda _: same), scope(same))
    keys = [subject.key(policy(what), same) for what in ("user", "address", "key", "route")]
    keys.append(subject.key(policy(), "/**", [same]))
    assert all(one != other for one, other in combinations(keys, 2))


def test_long_texts_make_short_keys_that_differ() -> None:
    long = ["x" * 1_000_000 + end for end in "ab"]
    keys = [key_of("p", [text]) for text in long]
    assert keys[0] != keys[1]
    assert max(map(len, keys)) < 100
    digest = keys[0].partition("~")[2].partition("}")[0]
    assert key_of("p", [digest]) != keys[0]
    assert key_of("p", [f"~{digest}"]) != keys[0]


@pytest.mark.parametrize("other", ["user:42", "{a}", "{a", "a}b", "{a}{b}c", ""])
def test_keys_of_others_are_not_read(other: str) -> None:
    assert read_key(other) is None
