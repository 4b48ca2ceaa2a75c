"""Report of the ingest bench from given measurements, and its view of all processes of a HOME."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks import queued
from benchmarks.fresh_home import FreshHome
from benchmarks.ingest import Ours, Pair, Peer, build_memory_report, build_report
from benchmarks.machine import GIB
from benchmarks.processes import Memory, list_processes, read_cpu_seconds, sample_memory, watched_memory
from benchmarks.queued import Batch
from benchmarks.report import Report
from benchmarks.run_times import RunTimes
from tests.benchmarks.times import span
from tests.processes import ChildProgram

BUSY = """
import sys, time
held = bytearray(b"x") * (64 << 20)
until = time.process_time() + 0.5
while time.process_time() < until: pass
print("ready", flush=True)
sys.stdin.read()
"""


def build_pair(minutes: float, *, work_s: float = 110, peak_gib: float = 2.0, lost: int = 0) -> Pair:
    whole = {"h264-720p": 1440, "h264-240p": 1440}
    stages = {"inspect": span(0, 10), "encode": span(10, work_s)}
    ours = Ours(
        stages,
        work_s + 30,
        work_s + 50,
        220,
        Memory(int(peak_gib * GIB), {}, 9),
        {**whole, "h264-240p": 1440 - lost},
    )
    return Pair(minutes, 1440, Peer(100.0, 200.0, whole), ours)


def drop_peer(minutes: float, *, peak_gib: float = 2.0, lost: int = 0) -> Pair:
    """A length without a peer."""
    return replace(build_pair(minutes, work_s=900, peak_gib=peak_gib, lost=lost), peer=None)


def find_value(found: Report, name: str) -> float | None:
    return next(figure.value for figure in found.figures if name in figure.name)


def test_the_ratio_is_of_the_ten_minutes_and_the_overhead_stands_apart() -> None:
    found = build_report([drop_peer(1), build_pair(10), drop_peer(60)], {})
    assert (found.ours, found.peer) == (110, 100)
    assert find_value(found, "overhead apart") == 30
    assert found.passes


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ([build_pair(10, work_s=116)], "stages over the command"),
        ([build_pair(10, lost=1)], "not whole"),
        ([build_pair(10, peak_gib=6.1)], "peak memory"),
        ([drop_peer(1, lost=2), build_pair(10)], "1 min: renditions not whole"),
        ([drop_peer(1), build_pair(10), drop_peer(60, peak_gib=2.5)], "over that of the shortest"),
    ],
)
def test_each_limit_decides(pairs: list[Pair], why: str) -> None:
    failed = [figure.name for figure in build_report(pairs, {}).figures if not figure.passes]
    assert len(failed) == 1
    assert why in failed[0]


def test_memory_alone_is_judged_by_its_peaks() -> None:
    def build_report_of(*peaks_gib: float) -> Report:
        lengths = zip((1, 10, 60), peaks_gib, strict=False)
        return build_memory_report([(length, Memory(int(peak * GIB), {}, 9)) for length, peak in lengths], {})

    assert build_report_of(2.0, 2.1, 2.2).passes
    assert not build_report_of(2.0, 2.1, 2.4).passes
    assert not build_report_of(6.1).passes


def test_a_rendition_that_one_side_lacks_is_counted() -> None:
    whole = build_pair(10)
    fewer = Pair(10, 1440, Peer(100, 200, {"h264-720p": 1440}), whole.ours)
    assert fewer.wrong == 1


def test_queued_videos_are_compared_with_their_sum() -> None:
    single = Batch((RunTimes(span(0, 40), {}), RunTimes(span(50, 90), {})), 100, GIB)
    together = Batch((RunTimes(span(0, 50), {}), RunTimes(span(2, 60), {})), 70, 2 * GIB)
    found = queued.build_report(single, together, {})
    assert (found.ours, found.peer, found.ratio) == (60, 80, 0.75)
    assert found.passes
    slower = Batch((RunTimes(span(0, 50), {}), RunTimes(span(2, 81), {})), 90, 2 * GIB)
    assert not queued.build_report(single, slower, {}).passes


@pytest.fixture
def house() -> Iterator[FreshHome]:
    with FreshHome() as fresh:
        yield fresh


@pytest.fixture
def busy(house: FreshHome) -> Iterator[subprocess.Popen[str]]:
    """A process of the HOME that holds 64 MiB and has used half a second of a processor, in a child of its own."""
    inner = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {BUSY!r}], env={{}}).returncode)"
    with ChildProgram(
        [sys.executable, "-c", inner],
        env=house.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def test_descendants_are_seen_whatever_their_environment(
    house: FreshHome, busy: subprocess.Popen[str]
) -> None:
    found = {process.pid for process in list_processes(house)}
    assert busy.pid in found
    assert len(found) == 2
    assert os.getpid() not in found


def test_memory_and_cpu_of_all_of_them_are_summed(house: FreshHome, busy: subprocess.Popen[str]) -> None:
    with watched_memory(house) as memory:
        pass
    assert memory.samples >= 1
    assert 64 << 20 < memory.peak_bytes < 512 << 20
    assert sum(sample_memory(house).values()) > 64 << 20
    assert read_cpu_seconds(house) >= 0.5


def test_a_home_is_gone_afterwards() -> None:
    with FreshHome() as fresh:
        folder = fresh.folder
        assert folder.is_dir()
    assert not folder.exists()
