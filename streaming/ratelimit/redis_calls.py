"""A request as Redis is asked, and its answer as callers read it: bytes out, a Decision in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from streaming.ratelimit.bucket import LeakingBucket
from streaming.ratelimit.decision import NEVER, Decision
from streaming.ratelimit.exact import LARGEST, MICROS, MICROSECONDS
from streaming.ratelimit.limits import Limit, Request
from streaming.ratelimit.redis_scripts import MANY, ONE, Script

ANSWER_SIZE = 7
"""Numbers that MANY answers for each request."""


@dataclass(frozen=True, slots=True)
class Call:
    """A script, its keys and arguments."""

    script: Script
    keys: Sequence[bytes]
    arguments: Sequence[bytes]

    def packed(self, *, with_text: bool = False) -> bytes:
        """The command in Redis's protocol (RESP): by digest, or with the script's text where the server lacks it."""
        script = self.script.text if with_text else self.script.sha
        name = b"EVAL" if with_text else b"EVALSHA"
        parts = (name, script, b"%d" % len(self.keys), *self.keys, *self.arguments)
        return b"*%d\r\n" % len(parts) + b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])


def redis_key(prefix: str, kind: str, key: str) -> bytes:
    """Where the state of a key is kept: its hash tag is the key's own, so that its limits share a slot."""
    return f"{prefix}:{kind}:{{{key}}}".encode(errors="surrogatepass")


@lru_cache(maxsize=4096)
def arguments(limit: Limit) -> tuple[bytes, ...]:
    """What the algorithm's script is told of a limit."""
    return tuple(b"%d" % number for number in limit.arguments)


def cost(cost_micros: int) -> tuple[bytes, bytes]:
    """Units and millionths."""
    units, micros = divmod(min(cost_micros, LARGEST * MICROS + 1), MICROS)
    return b"%d" % units, b"%d" % micros


def one(prefix: str, request: Request, *, take: bool) -> Call:
    """A single request."""
    key, limit, cost_micros = request
    told = (b"1" if take else b"0", *cost(cost_micros), *arguments(limit))
    return Call(ONE[limit.kind], (redis_key(prefix, limit.kind, key),), told)


def many(prefix: str, groups: Sequence[Sequence[Request]]) -> Call:
    """Requests in groups of which all are granted or none."""
    keys: list[bytes] = []
    told: list[bytes] = []
    for group in groups:
        places = [redis_key(prefix, request.limit.kind, request.key) for request in group]
        keys += places
        costs: dict[bytes, int] = {}
        for number, (place, (_, limit, cost_micros)) in enumerate(zip(places, group, strict=True)):
            costs[place] = costs.get(place, 0) + cost_micros
            last = place not in places[number + 1 :]
            own = arguments(limit)
            told += (limit.kind.encode(), *cost(costs[place]), b"1" if last else b"0")
            told += (b"1" if number == len(group) - 1 else b"0", b"%d" % len(own), *own)
    return Call(MANY, keys, told)


def read_one(limit: Limit, answer: Sequence[int], ahead_micros: int = 0) -> Decision:
    """An answer of ONE, or one of MANY. `ahead_micros`: cost of earlier requests on its key, decided with it."""
    wait_s = 0.0
    if answer[0] and isinstance(limit, LeakingBucket):
        wait_s = limit.queued_s(answer[5], answer[6], ahead_micros)
    retry_us = answer[2]
    return Decision(
        answer[0] == 1,
        answer[1],
        wait_s,
        NEVER if retry_us < 0 else retry_us / MICROSECONDS,
        answer[3] / MICROSECONDS,
    )


def read_many(groups: Sequence[Sequence[Request]], answer: Sequence[int]) -> list[list[Decision]]:
    """The answers of MANY, by group."""
    decisions, place = [], 0
    for group in groups:
        read, ahead = [], dict[tuple[str, str], int]()
        for key, limit, cost_micros in group:
            before = ahead.get((limit.kind, key), 0)
            ahead[limit.kind, key] = before + cost_micros
            read.append(read_one(limit, answer[place : place + ANSWER_SIZE], before))
            place += ANSWER_SIZE
        decisions.append(read)
    return decisions
