"""`python -m newsreel.synthetic_events`: days of life go into the lake's `events`, as the sink would have brought them.

For benches and for trying things out: nobody's live rows are behind these events, so not for a lake that is in use.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from newsreel.synthetic_events.arrival import Life
from schemas.errors import ConflictError
from stores.delta import Lake, lake
from stores.outbox.lake_sink import BATCH_EVENTS, CONSUMER

APP_ID = "life"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the days asked for; exit 1 where the lake holds events of a live database."""
    parser = argparse.ArgumentParser(prog="python -m newsreel.synthetic_events", description=__doc__)
    parser.add_argument("--first", type=date.fromisoformat, default=date(2026, 1, 1), help="the first day")
    parser.add_argument(
        "--sizes", type=_sizes, default=[100_000], help="events of each day, by commas (100000)"
    )
    parser.add_argument("--skip", type=int, default=0, help="days, of these, that are in the lake already")
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--videos", type=int, default=1_000)
    parser.add_argument(
        "--joined-over", type=int, default=0, help="days before the first over which accounts were made; then it is"
        " told too who was active where",
    )  # fmt: skip
    parser.add_argument("--batch", type=int, default=BATCH_EVENTS, help="events a commit")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    store = lake()
    store.ensure()
    if store.transaction_version("events", CONSUMER) is not None:
        raise ConflictError(
            f"{store.uri} holds events of a live database; use a lake of its own for made ones"
        )
    life = Life(given.seed, given.users, given.videos, given.first, given.joined_over)
    founding = life.founding()
    if not given.skip:
        _append(store, founding, given.batch)
    for number, size in enumerate(given.sizes):
        events = life.day(size)
        if number >= given.skip:
            _append(store, events, given.batch)
            print(f"day {number + 1}: {events.num_rows} events", flush=True)
    return 0


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _append(store: Lake, events: pa.Table, batch: int) -> None:
    held = store.transaction_version("events", APP_ID) or 0
    for number, start in enumerate(range(0, events.num_rows, batch), held + 1):
        store.append_once("events", events.slice(start, batch), app_id=APP_ID, version=number)


if __name__ == "__main__":
    sys.exit(main())
