"""Part `clicks`: latency from a change to its event in the lake, at a fixed rate of writes through the API.

Measured from the start of the change's transaction to the commit of the version of `events` that contains it, by the
events' own times and the lake's log; the whole stack runs, refreshes included.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from benchmarks.api.load import build_request, run_open_loop
from benchmarks.api.people import Person, insert_ready_videos, sign_up
from benchmarks.api.servers import Servers, find_stack_servers
from benchmarks.fresh_home import FreshHome
from benchmarks.report import Figure, Say
from schemas.errors import StageError
from stores.delta.event_log import read_commit_times

WRITES_PER_S = 300
WITHIN_S = 5.0
CLIENTS = 32
VIDEOS, PEOPLE = 100, 40
SETTLED_WITHIN_S = 60.0


def measure(seconds: float, seed: int, say: Say) -> list[Figure]:
    """Figures of one run of `seconds` seconds."""
    with FreshHome({"NEWSREEL_LIMITS": "off"}) as house:
        house.start_stack()
        served = find_stack_servers(house)
        say(f"clicks: {WRITES_PER_S} writes/s for {seconds:.0f} s")
        failed = asyncio.run(_write(served, seconds, seed))
        last = _read_last_event(served)
        _wait_for(house, last)
        latencies = _read_latencies(house)
    return [
        Figure("clicks: in the lake after, p50", float(np.quantile(latencies, 0.5)), "s"),
        Figure("clicks: in the lake after, p99", float(np.quantile(latencies, 0.99)), "s", limit=WITHIN_S),
        Figure("clicks: in the lake after, longest", float(latencies.max()), "s"),
        Figure("clicks: events", len(latencies), "events"),
        Figure("clicks: answers that failed", failed, "answers", limit=0),
    ]


async def _write(served: Servers, seconds: float, seed: int) -> int:
    videos = insert_ready_videos(served, VIDEOS, "clicks")
    people = await sign_up(served, PEOPLE, "clicks")
    schedule = generate_clicks(people, videos, int(WRITES_PER_S * seconds), random.Random(seed))  # noqa: S311
    return (await run_open_loop(served.port, schedule, rate=WRITES_PER_S, clients=CLIENTS)).failed


def generate_clicks(
    people: list[Person], videos: list[str], count: int, dice: random.Random
) -> Iterator[bytes]:
    """Requests for views, reactions and comments."""
    for number in range(count):
        who, draw, path = dice.choice(people), dice.random(), f"/v1/videos/{dice.choice(videos)}"
        if draw < 0.6:
            view = {"session_id": f"s{number}-{dice.randrange(10**9)}", "watched_s": 5}
            yield build_request("POST", f"{path}/views", token=who.token, body=view)
        elif draw < 0.85:
            body = {"kind": dice.choice(("like", "dislike"))}
            yield build_request("PUT", f"{path}/reaction", token=who.token, body=body)
        else:
            yield build_request("POST", f"{path}/comments", token=who.token, body={"text": "c" * 80})


def _read_last_event(served: Servers) -> int:
    with served.connect() as connection:
        row = connection.execute("SELECT max(event_id) AS last FROM events").fetchone()
    return int(str(row["last"])) if row else 0


def _wait_for(house: FreshHome, last: int) -> None:
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while (house.lake.query("SELECT max(event_id) AS last FROM events")["last"][0].as_py() or 0) < last:
        if time.monotonic() > deadline:
            raise StageError(f"event {last} did not reach the lake within {SETTLED_WITHIN_S:.0f} s")
        time.sleep(0.5)


def _read_latencies(house: FreshHome) -> NDArray[np.float64]:
    """Seconds from each event's transaction to the commit of its version, without events of users and videos."""
    rows = read_commit_times(house.lake, datetime.fromtimestamp(0, UTC))
    clicked = rows.filter(pc.is_in(rows["table_name"], pa.array(["views", "reactions", "comments"])))
    at, committed = (clicked[name].cast(pa.int64()).to_numpy() for name in ("at", "committed"))
    latencies: NDArray[np.float64] = (committed - at) / 1e6
    return latencies
