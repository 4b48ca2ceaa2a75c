"""Part `counts`: concurrent likes, dislikes and views of one video; its counters against the acknowledged writes."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

from benchmarks.api.load import Connection, build_request, connections
from benchmarks.api.people import Person, insert_ready_videos, sign_up
from benchmarks.api.servers import Servers
from benchmarks.report import Figure, Say

CLIENTS = 50
ACTS = 1_000
LAG_S = 5.0


async def measure(servers: Servers, seed: int, say: Say) -> list[Figure]:
    """Send 1,000 writes of each kind from 50 clients, each in its own random order."""
    say(f"counts: {ACTS} each of likes, dislikes and views on one video from {CLIENTS} clients")
    [video] = insert_ready_videos(servers, 1, f"counts-{seed}")
    people = await sign_up(servers, CLIENTS, f"counts-{seed}")
    begun = time.perf_counter()
    async with connections(servers.port, CLIENTS) as made:
        results = await asyncio.gather(
            *(
                _run_client(connection, person, video, random.Random(f"{seed}/{number}"))  # noqa: S311 - a seeded bench
                for number, (connection, person) in enumerate(zip(made, people, strict=True))
            )
        )
        took_s = time.perf_counter() - begun
        kinds = Counter(kind for kind, _ in results)
        expected = (kinds["like"], kinds["dislike"], sum(views for _, views in results))
        counts, late_s = await _wait_for_counts(made[0], video, expected)
    wrong = sum(abs(one - other) for one, other in zip(counts, expected, strict=True))
    return [
        Figure("counts: counters that differ from what was acknowledged", wrong, "counts", limit=0),
        Figure("counts: seconds until they are right", late_s, "s", limit=LAG_S),
        Figure("counts: acts a second", 3 * ACTS / took_s, "acts/s"),
    ]


async def _run_client(
    connection: Connection, person: Person, video: str, dice: random.Random
) -> tuple[str | None, int]:
    """Send one client's writes, the same number of each kind; returns its last reaction and number of sessions."""
    acts = ["like", "dislike", "view"] * (ACTS // CLIENTS)
    dice.shuffle(acts)
    kind: str | None = None
    sessions = set()
    path = f"/v1/videos/{video}"
    for act in acts:
        if act == "view":
            session = f"s{dice.randrange(10)}"
            sessions.add(session)
            body = {"session_id": session, "watched_s": dice.uniform(1, 60)}
            what = build_request("POST", f"{path}/views", token=person.token, body=body)
        elif dice.random() < 0.1:
            kind, what = None, build_request("DELETE", f"{path}/reaction", token=person.token)
        else:
            kind, what = act, build_request("PUT", f"{path}/reaction", token=person.token, body={"kind": act})
        answer = await connection.ask(what)
        if answer.status >= 300:
            raise RuntimeError(f"{act}: status {answer.status}: {answer.body[:200]!r}")
    return kind, len(sessions)


async def _wait_for_counts(
    connection: Connection, video: str, expected: tuple[int, int, int]
) -> tuple[tuple[int, int, int], float]:
    begun = time.perf_counter()
    while True:
        answer = (await connection.ask(build_request("GET", f"/v1/videos/{video}"))).json()
        counts = (answer["likes"], answer["dislikes"], answer["views"])
        late_s = time.perf_counter() - begun
        if counts == expected or late_s > LAG_S:
            return counts, late_s
        await asyncio.sleep(0.05)
