"""Requests of one event loop that want the same server at the same time go there together.

What is asked while nothing is on its way leaves at the loop's next turn; what is asked meanwhile waits for the answer,
and leaves as one. So a single request waits for nobody, and a thousand cost few round trips.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from streaming.ratelimit.decision import Decision
from streaming.ratelimit.errors import StoreUnavailable
from streaming.ratelimit.limits import Request
from streaming.ratelimit.redis_calls import ANSWER_SIZE, Call, many, one, read_group
from streaming.ratelimit.redis_servers import AsyncServers, unwrap

LARGEST = 64
"""Groups that go together: Redis does nothing else while it decides them, about half a millisecond."""

ON_THE_WAY = 2
"""So many lots are: one is decided while the next is packed."""


class Waiting(NamedTuple):
    """A group, whether what it is allowed is consumed, and who waits for its decisions."""

    group: Sequence[Request]
    take: bool
    future: asyncio.Future[list[Decision]]


class Coalescer:
    """Groups of requests for one server, each within one slot."""

    def __init__(self, servers: AsyncServers, prefix: str) -> None:
        self._servers, self._prefix = servers, prefix
        self._waiting: deque[Waiting] = deque()
        self._senders: set[asyncio.Task[None]] = set()

    def ask(self, group: Sequence[Request], *, take: bool) -> asyncio.Future[list[Decision]]:
        """The decisions to come, or StoreUnavailable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Decision]] = loop.create_future()
        self._waiting.append(Waiting(group, take, future))
        if len(self._senders) < ON_THE_WAY:
            sender = loop.create_task(self._send())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        return future

    async def _send(self) -> None:
        while self._waiting:
            lot: list[Waiting] = []
            while self._waiting and len(lot) < LARGEST:
                waiting = self._waiting.popleft()
                if not waiting.future.done():  # who has been cancelled asks for nothing
                    lot.append(waiting)
            try:
                await self._decide(lot)
            except asyncio.CancelledError:
                for waiting in lot:
                    waiting.future.cancel()
                raise

    async def _decide(self, lot: list[Waiting]) -> None:
        if not self._servers.slots.known:
            await self._servers.answers(())
        first = [waiting.group[0] for waiting in lot]
        lots = [
            [lot[number] for number in of_slot]
            for of_slot in self._servers.slots.group_by_slot(self._prefix, first)
        ]
        answers = await self._servers.answers([self._call(of_slot) for of_slot in lots])
        for of_slot, answer in zip(lots, answers, strict=True):
            try:
                self._tell(of_slot, unwrap(answer))
            except StoreUnavailable as error:
                # Who waits behind them would wait for the same again.
                for waiting in [*of_slot, *self._waiting]:
                    if not waiting.future.done():
                        waiting.future.set_exception(error)
                self._waiting.clear()

    def _call(self, lot: list[Waiting]) -> Call:
        if len(lot) == 1 and len(lot[0].group) == 1:
            return one(self._prefix, lot[0].group[0], take=lot[0].take)
        return many(self._prefix, [(waiting.group, waiting.take) for waiting in lot])

    def _tell(self, lot: list[Waiting], answer: Any) -> None:
        first = 0
        for group, _, future in lot:
            if not future.done():
                future.set_result(read_group(group, answer, first))
            first += ANSWER_SIZE * len(group)
