"""All servers behind one URL, for callers that block and for event loops: both follow the same way of commands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import RedisError

from streaming.ratelimit.errors import StoreUnavailable
from streaming.ratelimit.redis_calls import Command
from streaming.ratelimit.redis_node import AsyncNode, Node, Server
from streaming.ratelimit.redis_slots import Place, Slots, way

HOP_SHARE = 0.6
"""Of the time that is left, for one server of a cluster to answer: then there is time to find who took over from it."""


class Servers:
    """For callers that block; safe for threads."""

    def __init__(self, url: str, slots: Slots, timeout_s: float) -> None:
        self._url, self.slots, self._timeout_s = url, slots, timeout_s
        self._home = Node(Server(url), timeout_s)
        self._nodes: dict[Place, Node] = {None: self._home}

    def answer(self, command: Command) -> Any:
        """What a command is answered. Raises StoreUnavailable, also where the server says no."""
        if self.slots.whole:
            answer = self._home.answer(command)
            if answer is not None:
                return answer
        return unwrap(self.answers([command])[0])

    def answers(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, in order; what could not be had is a StoreUnavailable among them."""
        until = time.monotonic() + self._timeout_s
        steps = way(self.slots, commands)
        try:
            asked = next(steps)
            while True:
                hop = _hop(self.slots, until)
                said = {place: self._send(place, of_one, hop) for place, of_one in asked.items()}
                asked = steps.send({place: answers() for place, answers in said.items()})
        except StopIteration as end:
            return _final(end.value, self._url)

    def ask(self, place: Place, command: Command) -> Any:
        """What one server answers. Raises StoreUnavailable."""
        said = self._send(place, (command,), time.monotonic() + self._timeout_s)()
        return unwrap(_final(said, self._url)[0])

    def close(self) -> None:
        """Close the connections."""
        for node in list(self._nodes.values()):
            node.close()

    def _send(self, place: Place, commands: Sequence[Command], until: float) -> Callable[[], list[Any]]:
        node = self._nodes.get(place)
        if node is None:
            node = self._nodes.setdefault(place, Node(Server(self._url, place), self._timeout_s))
        read = node.send(commands, until)

        def read_answers() -> list[Any]:
            try:
                return read()
            except StoreUnavailable as error:
                return [error] * len(commands)

        return read_answers


class AsyncServers:
    """For one event loop."""

    def __init__(self, url: str, slots: Slots, timeout_s: float) -> None:
        self._url, self.slots, self._timeout_s = url, slots, timeout_s
        self._nodes: dict[Place, AsyncNode] = {}

    async def answer(self, command: Command) -> Any:
        """What a command is answered. Raises StoreUnavailable, also where the server says no."""
        return unwrap((await self.answers([command]))[0])

    async def answers(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, in order; what could not be had is a StoreUnavailable among them."""
        until = time.monotonic() + self._timeout_s
        steps = way(self.slots, commands)
        try:
            asked = next(steps)
            while True:
                places = list(asked)
                hop = _hop(self.slots, until)
                said = await asyncio.gather(*[self._ask(place, asked[place], hop) for place in places])
                asked = steps.send(dict(zip(places, said, strict=True)))
        except StopIteration as end:
            return _final(end.value, self._url)

    async def ask(self, place: Place, command: Command) -> Any:
        """What one server answers. Raises StoreUnavailable."""
        said = await self._ask(place, (command,), time.monotonic() + self._timeout_s)
        return unwrap(_final(said, self._url)[0])

    async def aclose(self) -> None:
        """Close the connections."""
        for node in list(self._nodes.values()):
            await node.aclose()

    async def _ask(self, place: Place, commands: Sequence[Command], until: float) -> list[Any]:
        node = self._nodes.get(place)
        if node is None:
            node = self._nodes[place] = AsyncNode(Server(self._url, place))
        try:
            return await node.answers(commands, until)
        except StoreUnavailable as error:
            return [error] * len(commands)


def _hop(slots: Slots, until: float) -> float:
    """When a server that says nothing is given up."""
    now = time.monotonic()
    return until if slots.whole else now + HOP_SHARE * (until - now)


def unwrap(answer: Any) -> Any:
    """An answer that is one. Raises the StoreUnavailable that stands in its place."""
    if isinstance(answer, StoreUnavailable):
        raise answer
    return answer


def _final(answers: list[Any], url: str) -> list[Any]:
    """Answers as they are given away: also a server that says no could not decide."""
    return [
        Server(url).unavailable(answer) if isinstance(answer, RedisError) else answer for answer in answers
    ]
