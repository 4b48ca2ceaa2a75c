"""API bench: its latencies charge a server for all requests that had to wait, and four kills lose nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from benchmarks.api.load import Latencies, build_request, run_closed_loop, run_open_loop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def test_quantiles_are_by_nearest_rank() -> None:
    found = Latencies(seconds=[0.1 * number for number in range(1, 11)])
    assert found.quantile(0.5) == pytest.approx(0.5)
    assert found.quantile(0.99) == pytest.approx(1.0)
    assert found.quantile(0.1) == pytest.approx(0.1)


@asynccontextmanager
async def serve(stall_at: int, stall_s: float) -> AsyncIterator[int]:
    """A server that stalls once, for all its clients; its port."""
    answered = 0
    awake = asyncio.Event()
    awake.set()
    clients: list[asyncio.Task[None]] = []

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        task = asyncio.current_task()
        assert task is not None
        clients.append(task)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                answered += 1
                if answered == stall_at:
                    awake.clear()
                    asyncio.get_running_loop().call_later(stall_s, awake.set)
                await awake.wait()
                writer.write(ANSWER)
        except asyncio.IncompleteReadError:
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(client, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        # The clients have closed their connections; let the server notice.
        await asyncio.gather(*clients)


def test_a_stall_is_charged_to_all_that_were_due_meanwhile() -> None:
    async def measure() -> Latencies:
        async with serve(stall_at=50, stall_s=0.5) as port:
            return await run_open_loop(port, [build_request("GET", "/")] * 300, rate=300, clients=4)

    found = asyncio.run(measure())
    assert found.statuses == {200: 300}
    assert found.failed == 0
    # Half a second of a second's requests waited, a quarter of a second on average.
    assert sum(seconds > 0.1 for seconds in found.seconds) > 100


def test_as_fast_as_it_is_answered() -> None:
    async def measure() -> float:
        async with serve(stall_at=0, stall_s=0) as port:
            return await run_closed_loop(
                port, iter(lambda: build_request("GET", "/"), None), seconds=0.3, clients=4
            )

    assert asyncio.run(measure()) > 100


@pytest.mark.slow
def test_counts_are_right_and_four_kills_lose_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "newsreel", "bench", "api", "--only", "counts,kills", "--points", "4",
            "--resume", str(tmp_path / "kills.jsonl"), "--json",
        ],
        capture_output=True, text=True, timeout=850, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["passes"]
    assert len((tmp_path / "kills.jsonl").read_text().splitlines()) == 4
