"""Parts `reads` and `writes`: times at a fixed rate, and throughput against a bare endpoint of the same framework."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from itertools import cycle, islice

from benchmarks.api.load import closed_loop, open_loop, request
from benchmarks.api.people import people, ready_videos
from benchmarks.api.servers import Servers
from benchmarks.report import Figure, Say

READS_PER_S, READ_WITHIN_MS = 1_000, 10
WRITES_PER_S, WRITE_WITHIN_MS = 300, 25
LEAST_RATIO = 0.5
CLIENTS = 32
ROUNDS = 3
ROUND_S = 4.0
VIDEOS, PEOPLE, COMMENTS = 100, 40, 30


async def reads(servers: Servers, bare_port: int, seconds: float, seed: int, say: Say) -> list[Figure]:
    """Videos (half of them asked for by somebody who is logged in), pages of comments, accounts."""
    videos = ready_videos(servers, VIDEOS, "reads")
    everybody = await people(servers, PEOPLE, "reads")
    with servers.connect() as connection:
        connection.execute(
            """INSERT INTO comments (comment_id, video_id, user_id, text, creation_time)
               SELECT gen_random_uuid()::text, video_id, %s, repeat('c', 80), now() - n * interval '1 min'
               FROM videos, generate_series(1, %s) n WHERE video_id = ANY(%s)""",
            (everybody[0].user_id, COMMENTS, videos),
        )
    dice = random.Random(seed)  # noqa: S311 - a seeded bench

    def video() -> bytes:
        who = dice.choice(everybody).token if dice.random() < 0.5 else None
        return request("GET", f"/v1/videos/{dice.choice(videos)}", token=who)

    def mixed() -> bytes:
        draw = dice.random()
        if draw < 0.7:
            return video()
        if draw < 0.9:
            return request("GET", f"/v1/videos/{dice.choice(videos)}/comments")
        own = dice.choice(everybody)
        return request("GET", f"/v1/users/{own.user_id}", token=own.token)

    asked = [mixed() for _ in range(20_000)]
    say(f"reads: {READS_PER_S}/s for {seconds:.0f} s over {CLIENTS} connections")
    schedule = islice(cycle(asked), int(READS_PER_S * seconds))
    found = await open_loop(servers.port, schedule, rate=READS_PER_S, clients=CLIENTS)
    say("reads: as fast as they are answered, ours and a bare endpoint in turn")
    bare = cycle([request("GET", "/v1/videos/x")])
    ours = {"a video": cycle([video() for _ in range(5_000)]), "a mix of reads": cycle(asked)}
    ratios = {what: await _ratio(servers.port, requests, bare_port, bare) for what, requests in ours.items()}
    return [
        Figure("reads: p50", found.quantile(0.5) * 1000, "ms"),
        Figure("reads: p99", found.quantile(0.99) * 1000, "ms", limit=READ_WITHIN_MS),
        Figure("reads: answers that failed", found.failed, "answers", limit=0),
        *(
            Figure(
                f"reads: throughput of {what}, of a bare endpoint's",
                ratio,
                "x",
                limit=LEAST_RATIO,
                at_least=True,
            )
            for what, (ratio, _) in ratios.items()
        ),
        *(Figure(f"reads: {what}", rate, "1/s") for what, (_, rate) in ratios.items()),
    ]


async def writes(servers: Servers, bare_port: int, seconds: float, seed: int, say: Say) -> list[Figure]:
    """Reactions, comments, views and follows, each a transaction with its event."""
    videos = ready_videos(servers, VIDEOS, "writes")
    everybody = await people(servers, PEOPLE, "writes")
    dice = random.Random(seed)  # noqa: S311 - a seeded bench

    def mixed() -> bytes:
        who, draw, path = dice.choice(everybody), dice.random(), f"/v1/videos/{dice.choice(videos)}"
        if draw < 0.4:
            body = {"kind": dice.choice(("like", "dislike"))}
            return request("PUT", f"{path}/reaction", token=who.token, body=body)
        if draw < 0.7:
            return request("POST", f"{path}/comments", token=who.token, body={"text": "c" * 80})
        if draw < 0.9:
            view = {"session_id": f"s{dice.randrange(10**9)}", "watched_s": 5}
            return request("POST", f"{path}/views", token=who.token, body=view)
        other = dice.choice([one for one in everybody if one is not who])
        return request("PUT", f"/v1/follows/{other.user_id}", token=who.token)

    say(f"writes: {WRITES_PER_S}/s for {seconds:.0f} s over {CLIENTS} connections")
    schedule = (mixed() for _ in range(int(WRITES_PER_S * seconds)))
    found = await open_loop(servers.port, schedule, rate=WRITES_PER_S, clients=CLIENTS)
    say("writes: as fast as they are answered, ours and a bare endpoint in turn")
    bare = cycle([request("PUT", "/v1/videos/x/reaction", body={"kind": "like"})])
    ratio, rate = await _ratio(servers.port, cycle([mixed() for _ in range(20_000)]), bare_port, bare)
    return [
        Figure("writes: p50", found.quantile(0.5) * 1000, "ms"),
        Figure("writes: p99", found.quantile(0.99) * 1000, "ms", limit=WRITE_WITHIN_MS),
        Figure("writes: answers that failed", found.failed, "answers", limit=0),
        Figure(
            "writes: throughput, of a bare endpoint's (which writes nothing)", ratio, "x",
            target=LEAST_RATIO, at_least=True,
        ),
        Figure("writes: a mix of writes", rate, "1/s"),
    ]  # fmt: skip


async def _ratio(
    port: int, requests: Iterator[bytes], bare_port: int, bare: Iterator[bytes]
) -> tuple[float, float]:
    """The median of ours over the peer's, in rounds that take turns; and our median rate."""
    ratios, rates = [], []
    for _ in range(ROUNDS):
        ours = await closed_loop(port, requests, seconds=ROUND_S, clients=CLIENTS)
        peer = await closed_loop(bare_port, bare, seconds=ROUND_S, clients=CLIENTS)
        ratios.append(ours / peer)
        rates.append(ours)
    return statistics.median(ratios), statistics.median(rates)
