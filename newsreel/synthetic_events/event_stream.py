"""Stream of synthetic events in order of arrival: numbered; some late, duplicated, shuffled or invalid.

Tests: tests/newsreel/test_synthetic_events.py.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from newsreel.synthetic_events.population import Population
from schemas.derive.arrow import arrow_schema
from schemas.tables.records import EVENTS

LATE_SHARE, LATE_DAYS = 0.004, 3
"""Share of a day's events that arrive 1 to `LATE_DAYS` days late."""
DUPLICATE_SHARE = 0.002
INVALID_SHARE = 0.0001
SHUFFLE_DISTANCE = 500
"""Events at most this far apart may swap places."""
INVALID_ROW = "not JSON"
"""`row` of an invalid event."""


class EventStream:
    """Days of a population as rows of the lake's `events`, in order of arrival; without personal data.

    The same seed gives the same events. Call `generate_initial` first, then `generate_day` day by day.
    """

    def __init__(self, seed: int, users: int, videos: int, first: date, joined_over_days: int = 0) -> None:
        """`users`, `videos`: how many; `first`: the first day; `joined_over_days`: as in `Population`."""
        self._population = Population(seed, users, videos, first, joined_over_days)
        self._random = np.random.default_rng([seed, 1])
        self._next_id = 1
        self._late: list[pa.Table] = []

    def generate_initial(self) -> pa.Table:
        """Generate the events of the accounts and videos that exist before the first day."""
        return self._add_numbers(self._population.generate_initial())

    def generate_day(self, events: int) -> pa.Table:
        """Generate the next day, of about this many events."""
        day = self._add_numbers(self._population.generate_day(events))
        draws = self._random.random(day.num_rows)
        late, duplicated, invalid = (
            _select(draws, *span)
            for span in ((0, LATE_SHARE), (0.1, 0.1 + DUPLICATE_SHARE), (0.2, 0.2 + INVALID_SHARE))
        )
        rows = day["row"].to_pylist() if invalid.any() else None
        if rows is not None:
            for index in np.flatnonzero(invalid):
                rows[index] = INVALID_ROW
            day = day.set_column(day.schema.get_field_index("row"), day.schema.field("row"), pa.array(rows))
        due = self._late.pop(0) if self._late else day.slice(0, 0)
        on_time, duplicates = day.filter(pa.array(~late)), day.filter(pa.array(duplicated & ~late))
        arriving = pa.concat_tables([due, on_time, duplicates])
        self._defer(day.filter(pa.array(late)))
        order = np.arange(arriving.num_rows) + self._random.integers(0, SHUFFLE_DISTANCE, arriving.num_rows)
        return arriving.take(pa.array(np.argsort(order, kind="stable")))

    def _defer(self, late: pa.Table) -> None:
        """Distribute late events over the next `LATE_DAYS` days."""
        days = self._random.integers(0, LATE_DAYS, late.num_rows)
        for number in range(LATE_DAYS):
            part = late.filter(pa.array(days == number))
            if number < len(self._late):
                self._late[number] = pa.concat_tables([self._late[number], part])
            else:
                self._late.append(part)

    def _add_numbers(self, events: pa.Table) -> pa.Table:
        """Add event and transaction ids, and order the columns as the table `events`."""
        ids = pa.array(np.arange(self._next_id, self._next_id + events.num_rows))
        self._next_id += events.num_rows
        requests = pa.nulls(events.num_rows, pa.string())
        numbered = events.append_column("event_id", ids).append_column("transaction_id", ids)
        schema = pa.schema([field.remove_metadata() for field in arrow_schema(EVENTS)])
        return numbered.append_column("request_id", requests).select(schema.names).cast(schema)


def _select(draws: NDArray[np.float64], low: float, high: float) -> NDArray[np.bool_]:
    return (draws >= low) & (draws < high)
