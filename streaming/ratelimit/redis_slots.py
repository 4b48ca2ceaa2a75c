"""Which server holds which keys: one server holds all, the masters of a Redis Cluster hold 16,384 slots among them.

The way of commands is written here once, as a generator, for callers that block and for event loops alike: it gives
what each server is to be asked, takes what each said, and returns the answers.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import AskError, MovedError, ResponseError

from streaming.ratelimit.errors import StoreUnavailable
from streaming.ratelimit.limits import Request
from streaming.ratelimit.redis_calls import Command, redis_key
from streaming.ratelimit.redis_node import Address

Place = Address | None
"""A server; None is the one that the URL names."""

LOCATE = Command(b"CLUSTER", b"SLOTS")
ASKING = Command(b"ASKING")

MOST_HOPS = 5
"""A command follows so many redirections."""


class Slots:
    """The map of one store. It is asked for once, and again when a server says that it is out of date."""

    def __init__(self) -> None:
        self.known = False
        self._owners: list[Place] | None = None

    @property
    def whole(self) -> bool:
        """Whether one server is known to hold all keys."""
        return self.known and self._owners is None

    def group_by_slot(self, prefix: str, requests: Sequence[Request]) -> list[list[int]]:
        """The numbers of requests, those of one slot together; all of them where one server holds all."""
        if self._owners is None:
            return [list(range(len(requests)))]
        found: dict[int, list[int]] = {}
        for number, (key, limit, _) in enumerate(requests):
            found.setdefault(key_slot(redis_key(prefix, limit.kind, key)), []).append(number)
        return list(found.values())

    def owner(self, key: bytes | None) -> Place:
        """Who has to be asked about a key."""
        return None if self._owners is None or key is None else self._owners[key_slot(key)]

    def masters(self) -> list[Place]:
        """All servers that hold keys."""
        return [None] if self._owners is None else list(dict.fromkeys(self._owners))

    def read(self, answer: Any, asked: Place) -> bool:
        """Take an answer to LOCATE; returns whether it was one. A server that refuses it is not part of a cluster."""
        if isinstance(answer, ResponseError):
            self.known = True
        if not isinstance(answer, list):
            return self.known
        owners: list[Place] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, (host, port, *_), *_ in answer:
            # A server that does not know its own name is called as it was found.
            name = host.decode() if host and host != b"?" else asked[0] if asked else ""
            owners[first : last + 1] = [(name, int(port)) if name else None] * (last + 1 - first)
        self._owners, self.known = owners, True
        return True


class Step(NamedTuple):
    """What is still to be asked: the command's number, of whom, and whether as a redirection for once."""

    number: int
    place: Place
    asking: bool = False


Way = Generator[dict[Place, list[Command]], Mapping[Place, Sequence[Any]], list[Any]]


def way(slots: Slots, commands: Sequence[Command]) -> Way:
    """The way of commands to who holds their keys, through moves, fail-overs and a map out of date.

    What stays without an answer is a StoreUnavailable among the answers, what was refused a ResponseError.
    """
    if not slots.known:
        said = yield {None: [LOCATE]}
        if not slots.read(said[None][0], None):
            return [said[None][0]] * len(commands)
    answers: list[Any] = [None] * len(commands)
    steps = [Step(number, slots.owner(command.slot_key)) for number, command in enumerate(commands)]
    for _ in range(MOST_HOPS):
        asked: dict[Place, list[Command]] = {}
        for number, place, asking in steps:
            asked.setdefault(place, []).extend([ASKING] * asking + [commands[number]])
        said = yield asked
        turns = {place: iter(of_one) for place, of_one in said.items()}
        for number, place, asking in steps:
            for _ in range(1 + asking):
                answers[number] = next(turns[place])
        if any(_is_outdated(answers[step.number], step) for step in steps):
            yield from _locate(slots, [step.place for step in steps])
        steps = [
            onward
            for step in steps
            if (onward := _onward(slots, commands[step.number], answers[step.number], step))
        ]
        if not steps:
            break
    return answers


def _is_outdated(answer: Any, step: Step) -> bool:
    """Whether an answer says that the map is."""
    return isinstance(answer, MovedError) or (isinstance(answer, StoreUnavailable) and step.place is not None)


def _onward(slots: Slots, command: Command, answer: Any, step: Step) -> Step | None:
    """Where to ask next; None where the answer stands."""
    if isinstance(answer, AskError):
        named = (answer.host or (step.place[0] if step.place else ""), answer.port)
        return Step(step.number, named if named[0] else None, not isinstance(answer, MovedError))
    if isinstance(answer, StoreUnavailable) and (owner := slots.owner(command.slot_key)) != step.place:
        return Step(step.number, owner)
    return None


def _locate(slots: Slots, doubtful: Sequence[Place]) -> Generator[Any, Any, None]:
    """Ask for the map again: servers that are not in doubt first."""
    masters = slots.masters()
    for place in dict.fromkeys([*(one for one in masters if one not in doubtful), *masters, None]):
        said = yield {place: [LOCATE]}
        if isinstance(said[place][0], list):
            slots.read(said[place][0], place)
            return
