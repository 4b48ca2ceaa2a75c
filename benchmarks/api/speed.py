"""Parts `reads` and `writes`: latency at a fixed rate, and throughput against a bare endpoint of the same framework."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from itertools import cycle, islice

from benchmarks.api.load import build_request, run_closed_loop, run_open_loop
from benchmarks.api.mixes import COMMENTS, prepare_mix
from benchmarks.api.servers import Servers
from benchmarks.report import Figure, Say

READS_PER_S, READ_WITHIN_MS = 1_000, 10
WRITES_PER_S, WRITE_WITHIN_MS = 300, 25
MIN_RATIO = 0.5
CLIENTS = 32
ROUNDS = 3
ROUND_S = 4.0


async def measure_reads(
    servers: Servers, bare_port: int, seconds: float, seed: int, say: Say
) -> list[Figure]:
    """Measure reads of videos (half of them authenticated), pages of comments and accounts."""
    mix = await prepare_mix(servers, "reads", seed, comments=COMMENTS)
    requests = [mix.read() for _ in range(20_000)]
    say(f"reads: {READS_PER_S}/s for {seconds:.0f} s over {CLIENTS} connections")
    schedule = islice(cycle(requests), int(READS_PER_S * seconds))
    latencies = await run_open_loop(servers.port, schedule, rate=READS_PER_S, clients=CLIENTS)
    say("reads: closed loop, ours and a bare endpoint in turn")
    bare = cycle([build_request("GET", "/v1/videos/x")])
    ours = {"a video": cycle([mix.read_video() for _ in range(5_000)]), "a mix of reads": cycle(requests)}
    ratios = {what: await _measure_ratio(servers.port, sent, bare_port, bare) for what, sent in ours.items()}
    return [
        Figure("reads: p50", latencies.quantile(0.5) * 1000, "ms"),
        Figure("reads: p99", latencies.quantile(0.99) * 1000, "ms", limit=READ_WITHIN_MS),
        Figure("reads: answers that failed", latencies.failed, "answers", limit=0),
        *(
            Figure(
                f"reads: throughput of {what}, of a bare endpoint's",
                ratio,
                "x",
                limit=MIN_RATIO,
                at_least=True,
            )
            for what, (ratio, _) in ratios.items()
        ),
        *(Figure(f"reads: {what}", rate, "1/s") for what, (_, rate) in ratios.items()),
    ]


async def measure_writes(
    servers: Servers, bare_port: int, seconds: float, seed: int, say: Say
) -> list[Figure]:
    """Measure writes of reactions, comments, views and follows, each a transaction with its event."""
    mix = await prepare_mix(servers, "writes", seed)
    say(f"writes: {WRITES_PER_S}/s for {seconds:.0f} s over {CLIENTS} connections")
    schedule = (mix.write() for _ in range(int(WRITES_PER_S * seconds)))
    latencies = await run_open_loop(servers.port, schedule, rate=WRITES_PER_S, clients=CLIENTS)
    say("writes: closed loop, ours and a bare endpoint in turn")
    bare = cycle([build_request("PUT", "/v1/videos/x/reaction", body={"kind": "like"})])
    ratio, rate = await _measure_ratio(
        servers.port, cycle([mix.write() for _ in range(20_000)]), bare_port, bare
    )
    return [
        Figure("writes: p50", latencies.quantile(0.5) * 1000, "ms"),
        Figure("writes: p99", latencies.quantile(0.99) * 1000, "ms", limit=WRITE_WITHIN_MS),
        Figure("writes: answers that failed", latencies.failed, "answers", limit=0),
        Figure(
            "writes: throughput, of a bare endpoint's (which writes nothing)", ratio, "x",
            target=MIN_RATIO, at_least=True,
        ),
        Figure("writes: a mix of writes", rate, "1/s"),
    ]  # fmt: skip


async def _measure_ratio(
    port: int, requests: Iterator[bytes], bare_port: int, bare: Iterator[bytes]
) -> tuple[float, float]:
    """Median ratio of our rate to the peer's over alternating rounds, and our median rate."""
    ratios, rates = [], []
    for _ in range(ROUNDS):
        ours = await run_closed_loop(port, requests, seconds=ROUND_S, clients=CLIENTS)
        peer = await run_closed_loop(bare_port, bare, seconds=ROUND_S, clients=CLIENTS)
        ratios.append(ours / peer)
        rates.append(ours)
    return statistics.median(ratios), statistics.median(rates)
