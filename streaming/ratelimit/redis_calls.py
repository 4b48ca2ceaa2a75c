"""A request as Redis is asked, and its answer as callers read it: bytes out, a Decision in."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from functools import lru_cache

from streaming.ratelimit.bucket import LeakingBucket
from streaming.ratelimit.decision import NEVER, Decision, made
from streaming.ratelimit.exact import LARGEST, MICROS, MICROSECONDS
from streaming.ratelimit.limits import KINDS, Limit, Request
from streaming.ratelimit.redis_scripts import GIVE_BACK, MANY, ONE, RESET, Script

MOST_NUMBERS = 5
"""That an algorithm's script is told of a limit."""

ANSWER_SIZE = 7
"""Numbers that the scripts of many requests answer for each."""


class Command:
    """What is sent to a server: a command in Redis's protocol (RESP)."""

    __slots__ = ("packed",)

    def __init__(self, *parts: bytes) -> None:
        self.packed = b"*%d\r\n" % len(parts) + b"".join([bulk(part) for part in parts])

    @property
    def with_text(self) -> bytes:
        """The same for a server that does not know the script; a plain command stays as it is."""
        return self.packed

    @property
    def slot_key(self) -> bytes | None:
        """The key whose server has to be asked; None where any can."""
        return None


class Call(Command):
    """A script by its digest, its keys, which share a slot, and its arguments."""

    __slots__ = ("_keys", "_rest", "_script")

    def __init__(self, script: Script, keys: Sequence[bytes], arguments: Sequence[bytes] = ()) -> None:
        """`arguments` as `bulk` gives them."""
        self._script, self._keys = script, keys
        count = 3 + len(keys) + len(arguments)
        self._rest = b"%b%b%b" % (
            bulk(b"%d" % len(keys)),
            b"".join([bulk(key) for key in keys]),
            b"".join(arguments),
        )
        self.packed = b"*%d\r\n$7\r\nEVALSHA\r\n$40\r\n%b\r\n%b" % (count, script.sha, self._rest)

    @property
    def with_text(self) -> bytes:
        """The call with the script's text: the server runs it, and knows it from then on."""
        text = self._script.text
        head, _, _ = self.packed.partition(b"\r\n")
        return b"%b\r\n$4\r\nEVAL\r\n$%d\r\n%b\r\n%b" % (head, len(text), text, self._rest)

    @property
    def slot_key(self) -> bytes | None:
        """One of its keys."""
        return self._keys[0]


def bulk(part: bytes) -> bytes:
    """A string as it is sent."""
    return b"$%d\r\n%b\r\n" % (len(part), part)


def redis_key(prefix: str, kind: str, key: str) -> bytes:
    """Where the state of a key is kept: its hash tag is the key's own, so that its limits share a slot."""
    return f"{prefix}:{kind}:{{{key}}}".encode(errors="surrogatepass")


def parse_redis_key(prefix: str, place: bytes) -> tuple[str, str] | None:
    """The kind and the key of a place; None if it has another form."""
    kind, _, key = place.decode(errors="surrogatepass").removeprefix(f"{prefix}:").partition(":")
    return (kind, key[1:-1]) if kind in ONE else None


def scan(prefix: str, cursor: bytes) -> Command:
    """The next few thousand places of a server."""
    pattern = re.sub(r"[\[\]\\*?^-]", r"\\\g<0>", prefix)
    return Command(b"SCAN", cursor, b"MATCH", f"{pattern}:*".encode(), b"COUNT", b"1000")


def one(prefix: str, request: Request, *, take: bool) -> Call:
    """A single request."""
    key, limit, cost_micros = request
    return Call(ONE[limit.kind], (redis_key(prefix, limit.kind, key),), (_one(limit, cost_micros, take),))


def many(prefix: str, groups: Sequence[tuple[Sequence[Request], bool]]) -> Call:
    """Requests in groups of which all are granted or none. With each group, whether what it is allowed is consumed.

    Without that a group is a single request.
    """
    keys: list[bytes] = []
    told: list[bytes] = []
    for group, take in groups:
        if len(group) == 1:
            key, limit, cost_micros = group[0]
            keys.append(redis_key(prefix, limit.kind, key))
            told.append(_one_of_many(limit, cost_micros, take, True, True))
            continue
        places, sums, lasts = _sum_by_key(prefix, group)
        keys += places
        for number, request in enumerate(group):
            ends = number == len(group) - 1
            told.append(_one_of_many(request.limit, sums[number], take, lasts[number], ends))
    return Call(MANY, keys, told)


def give_back(prefix: str, group: Sequence[Request], answer: Sequence[int]) -> Call:
    """What a group was granted, by that answer of `many`."""
    places, sums, lasts = _sum_by_key(prefix, group)
    told = []
    for number, (_, limit, _) in enumerate(group):
        taken = answer[number * ANSWER_SIZE + 4 : (number + 1) * ANSWER_SIZE]
        head = (KINDS.index(limit.kind) + 1, True, True, lasts[number], *_cost(sums[number]))
        told.append(_numbers(*head, *_pad_arguments(limit), *taken))
    return Call(GIVE_BACK, places, told)


def reset(prefix: str, limit: Limit, key: str) -> Call:
    """Forget a key."""
    return Call(RESET, (redis_key(prefix, limit.kind, key),))


def read_one(limit: Limit, answer: Sequence[int], ahead_micros: int = 0) -> Decision:
    """An answer of ONE, or one of MANY. `ahead_micros`: cost of earlier requests on its key, decided with it."""
    wait_s = 0.0
    if answer[0] and isinstance(limit, LeakingBucket):
        wait_s = limit.compute_queue_s(answer[5], answer[6], ahead_micros)
    retry_us = answer[2]
    retry_s = NEVER if retry_us < 0 else retry_us / MICROSECONDS
    return made(Decision, (answer[0] == 1, answer[1], wait_s, retry_s, answer[3] / MICROSECONDS))


def read_group(group: Sequence[Request], answer: Sequence[int], first: int = 0) -> list[Decision]:
    """The answers to one group, which begin at `first`."""
    if len(group) == 1:
        return [read_one(group[0].limit, answer[first : first + ANSWER_SIZE])]
    read, ahead = [], dict[tuple[str, str], int]()
    for key, limit, cost_micros in group:
        before = ahead.get((limit.kind, key), 0)
        ahead[limit.kind, key] = before + cost_micros
        read.append(read_one(limit, answer[first : first + ANSWER_SIZE], before))
        first += ANSWER_SIZE
    return read


def _sum_by_key(prefix: str, group: Sequence[Request]) -> tuple[list[bytes], list[int], list[bool]]:
    """The keys of a group; what is asked of each key up to a request; whether it is the last on its key."""
    places = [redis_key(prefix, request.limit.kind, request.key) for request in group]
    sums, asked = [], dict[bytes, int]()
    for place, request in zip(places, group, strict=True):
        asked[place] = asked.get(place, 0) + request.cost_micros
        sums.append(asked[place])
    lasts = [place not in places[number + 1 :] for number, place in enumerate(places)]
    return places, sums, lasts


def _cost(cost_micros: int) -> tuple[int, int]:
    """Units and millionths."""
    return divmod(min(cost_micros, LARGEST * MICROS + 1), MICROS)


def _pad_arguments(limit: Limit) -> tuple[int, ...]:
    """The numbers of an algorithm, filled up to as many as the scripts unpack."""
    found = limit.arguments
    return (*found, *(0,) * (MOST_NUMBERS - len(found)))


def _numbers(*numbers: int) -> bytes:
    """Numbers as the scripts unpack them; all are below 2^53."""
    return bulk(struct.pack(f"<{len(numbers)}d", *numbers))


@lru_cache(maxsize=4096)
def _one(limit: Limit, cost_micros: int, take: bool) -> bytes:
    return _numbers(take, *_cost(cost_micros), *_pad_arguments(limit))


@lru_cache(maxsize=4096)
def _one_of_many(limit: Limit, cost_micros: int, take: bool, last: bool, ends: bool) -> bytes:
    return _numbers(
        KINDS.index(limit.kind) + 1, take, ends, last, *_cost(cost_micros), *_pad_arguments(limit)
    )
