"""How a day's acts reach the lake: numbered as the outbox does, a few days late, twice, in another order, or wrong."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from newsreel.synthetic_events.population import Population
from schemas.derive.arrow import arrow_schema
from schemas.tables.records import EVENTS

LATE, LATE_DAYS = 0.004, 3
"""The share of a day's events that come one to so many days after their own."""
TWICE = 0.002
WRONG = 0.0001
SHUFFLED = 500
"""Events that are at most so far from each other may change places."""
NOT_JSON = "it was like this when it came"


class Life:
    """Days of a population as rows of the lake's `events`, in the order in which they come. Nothing is anybody's.

    The same seed makes the same events; `day` is to be asked for in order.
    """

    def __init__(self, seed: int, users: int, videos: int, first: date, joined_over_days: int = 0) -> None:
        self._population = Population(seed, users, videos, first, joined_over_days)
        self._chance = np.random.default_rng([seed, 1])
        self._next_id = 1
        self._late: list[pa.Table] = []

    def founding(self) -> pa.Table:
        """The accounts and videos that there are when the first day begins."""
        return self._numbered(self._population.founding())

    def day(self, events: int) -> pa.Table:
        """The next day, about so many events."""
        made = self._numbered(self._population.day(events))
        chances = self._chance.random(made.num_rows)
        late, twice, wrong = (
            _where(chances, *span) for span in ((0, LATE), (0.1, 0.1 + TWICE), (0.2, 0.2 + WRONG))
        )
        spoilt = made["row"].to_pylist() if wrong.any() else None
        if spoilt is not None:
            for place in np.flatnonzero(wrong):
                spoilt[place] = NOT_JSON
            made = made.set_column(
                made.schema.get_field_index("row"), made.schema.field("row"), pa.array(spoilt)
            )
        due = self._late.pop(0) if self._late else made.slice(0, 0)
        comes = pa.concat_tables([due, made.filter(pa.array(~late)), made.filter(pa.array(twice & ~late))])
        self._put_off(made.filter(pa.array(late)))
        order = np.arange(comes.num_rows) + self._chance.integers(0, SHUFFLED, comes.num_rows)
        return comes.take(pa.array(np.argsort(order, kind="stable")))

    def _put_off(self, late: pa.Table) -> None:
        days = self._chance.integers(0, LATE_DAYS, late.num_rows)
        for number in range(LATE_DAYS):
            part = late.filter(pa.array(days == number))
            if number < len(self._late):
                self._late[number] = pa.concat_tables([self._late[number], part])
            else:
                self._late.append(part)

    def _numbered(self, acts: pa.Table) -> pa.Table:
        ids = pa.array(np.arange(self._next_id, self._next_id + acts.num_rows))
        self._next_id += acts.num_rows
        requests = pa.nulls(acts.num_rows, pa.string())
        whole = acts.append_column("event_id", ids).append_column("transaction_id", ids)
        schema = pa.schema([field.remove_metadata() for field in arrow_schema(EVENTS)])
        return whole.append_column("request_id", requests).select(schema.names).cast(schema)


def _where(chances: NDArray[np.float64], low: float, high: float) -> NDArray[np.bool_]:
    return (chances >= low) & (chances < high)
