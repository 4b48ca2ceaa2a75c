"""`python -m newsreel.synthetic_events`: append synthetic days to the lake's `events`, as the lake sink writes them.

For benchmarks and experiments: PostgreSQL has no rows behind these events, so use a lake of its own.
Tests: tests/newsreel/test_synthetic_events.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from newsreel.synthetic_events.event_stream import EventStream
from schemas.errors import ConflictError
from stores.delta import Lake, lake
from stores.outbox.lake_sink import BATCH_EVENTS, CONSUMER

APP_ID = "life"
"""Delta application id of the commits; unchanged, because existing lakes hold it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Append the days. Raises ConflictError if the lake holds events of a live database."""
    parser = argparse.ArgumentParser(prog="python -m newsreel.synthetic_events", description=__doc__)
    parser.add_argument(
        "--first", type=date.fromisoformat, default=date(2026, 1, 1), metavar="DAY",
        help="first day (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--sizes", type=_parse_sizes, default=[100_000], metavar="N,N,...",
        help="events of each day (default: 100000)",
    )  # fmt: skip
    parser.add_argument(
        "--skip",
        type=int,
        default=0,
        metavar="DAYS",
        help="leading days that the lake already holds (default: 0)",
    )
    parser.add_argument(
        "--users", type=int, default=10_000, metavar="N", help="accounts (default: %(default)s)"
    )
    parser.add_argument(
        "--videos", type=int, default=1_000, metavar="N", help="videos (default: %(default)s)"
    )
    parser.add_argument(
        "--joined-over", type=int, default=0, metavar="DAYS",
        help="days before the first over which accounts were created; if above 0, rows of `activity` are generated too"
        " (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--batch",
        type=int,
        default=BATCH_EVENTS,
        metavar="N",
        help="events per commit (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="random seed (default: %(default)s)")
    options = parser.parse_args(argv)
    store = lake()
    store.ensure()
    if store.transaction_version("events", CONSUMER) is not None:
        raise ConflictError(
            f"{store.uri} holds events of a live database; set NEWSREEL_LAKE_URI to a lake of its own"
        )
    stream = EventStream(options.seed, options.users, options.videos, options.first, options.joined_over)
    initial = stream.generate_initial()
    if not options.skip:
        _append(store, initial, options.batch)
    for number, size in enumerate(options.sizes):
        events = stream.generate_day(size)
        if number >= options.skip:
            _append(store, events, options.batch)
            print(f"day {number + 1}: {events.num_rows} events", flush=True)
    return 0


def _parse_sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _append(store: Lake, events: pa.Table, batch: int) -> None:
    version = store.transaction_version("events", APP_ID) or 0
    for number, start in enumerate(range(0, events.num_rows, batch), version + 1):
        store.append_once("events", events.slice(start, batch), app_id=APP_ID, version=number)


if __name__ == "__main__":
    sys.exit(main())
