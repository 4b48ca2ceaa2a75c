"""Several requests decided together over Redis: in one slot by one script, over several by reserving and giving back.

Over several slots all are asked at once; where one refuses, what the others granted is given back, as far as it has not
flowed out meanwhile. The guarantee: never is more admitted than a limit allows. Until it is given back, which takes one
round trip, a reservation counts, so that others may be refused meanwhile; where the connection is lost just then it
stays, and is gone when it has flowed out or its window has passed.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from streaming.ratelimit.decision import Decision
from streaming.ratelimit.errors import StoreUnavailable
from streaming.ratelimit.limits import Request
from streaming.ratelimit.redis_calls import Command, give_back, many, read_group
from streaming.ratelimit.redis_slots import Slots


def reserve(
    slots: Slots, prefix: str, group: Sequence[Request]
) -> Generator[Sequence[Command], Sequence[Any], list[Decision]]:
    """The way of one group: gives what is to be asked, takes the answers, returns the decisions, in order.

    Raises the first StoreUnavailable that is among the answers, after the rest was given back.
    """
    parts = slots.group_by_slot(prefix, group)
    of_part = [[group[number] for number in part] for part in parts]
    answers = list((yield [many(prefix, [(requests, True)]) for requests in of_part]))
    failed = [answer for answer in answers if isinstance(answer, StoreUnavailable)]
    read = [
        [] if isinstance(answer, StoreUnavailable) else read_group(requests, answer)
        for requests, answer in zip(of_part, answers, strict=True)
    ]
    granted = [place for place, found in enumerate(read) if found and all(one.allowed for one in found)]
    if len(granted) < len(parts) and granted:
        returned = yield [give_back(prefix, of_part[place], answers[place]) for place in granted]
        for place, answer in zip(granted, returned, strict=True):
            if isinstance(answer, StoreUnavailable):
                failed.append(answer)
            else:
                read[place] = read_group(of_part[place], answer)
    if failed:
        raise failed[0]
    by_number = {
        number: decision
        for part, found in zip(parts, read, strict=True)
        for number, decision in zip(part, found, strict=True)
    }
    return [by_number[number] for number in range(len(group))]
