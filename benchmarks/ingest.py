"""Ingest of footage against one ffmpeg command that makes the same ladder: `newsreel bench ingest`."""

from __future__ import annotations

import math
import resource
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import queued
from benchmarks.footage import Footage, make_footage
from benchmarks.fresh_home import FreshHome
from benchmarks.machine import GIB, read_conditions
from benchmarks.one_command import build_one_command
from benchmarks.options import Options, count, positives
from benchmarks.pictures import count_decoded_pictures
from benchmarks.processes import Memory, read_cpu_seconds, watched_memory
from benchmarks.report import Figure, Report, Say
from benchmarks.run_times import Span, read_recorded_stages, read_run_times
from pipelines import media_tools
from pipelines.package.manifests import PLAYLIST
from pipelines.source.probe import probe
from schemas.errors import StageError

MINUTES = 10.0
"""Length to which the limit of the ratio applies; of several lengths the nearest is compared with the peer."""

RATIO_LIMIT = 1.15
MEMORY_LIMIT_GIB = 6.0
FLATNESS_LIMIT = 1.15
"""Peak of any length over that of the shortest: memory that grows with the length would be far above it."""


@dataclass(frozen=True)
class Peer:
    """Times of the ffmpeg command, and the decoded pictures of each of its renditions."""

    wall_s: float
    cpu_s: float
    pictures: dict[str, int]


@dataclass(frozen=True)
class Ours:
    """Times of an ingest: its stages' own records, the run around them; CPU time and memory of the whole stack."""

    stages: dict[str, Span]
    run_s: float
    command_s: float
    cpu_s: float
    memory: Memory
    pictures: dict[str, int]

    @property
    def work_s(self) -> float:
        """Sum of the times that the stages recorded."""
        return sum(span.seconds for span in self.stages.values())


@dataclass(frozen=True)
class Pair:
    """Both on one source; lengths at which only memory is measured have no peer."""

    minutes: float
    frames: int
    peer: Peer | None
    ours: Ours

    @property
    def wrong(self) -> int:
        """Number of renditions that lack pictures of the source, or that only one of the two has."""
        theirs = self.peer.pictures if self.peer else {}
        short = sum(found != self.frames for found in (*self.ours.pictures.values(), *theirs.values()))
        return short + (len(set(self.ours.pictures) ^ set(theirs)) if self.peer else 0)


def run(arguments: Sequence[str], say: Say) -> Report:
    """Run the bench. Raises StageError if an ingest does not end as ready."""
    options = Options("ingest", "Ingest of footage against one ffmpeg command that makes the same ladder.")
    options.add_argument(
        "--minutes", type=positives, default=[MINUTES], help="lengths, separated by commas (default: 10)"
    )
    options.add_argument("--seed", type=int, default=0, help="seed of the footage (default: 0)")
    options.add_argument(
        "--memory", action="store_true", help="measure only the memory that each length takes"
    )
    options.add_argument(
        "--queued", type=count, metavar="N", help="measure only N short videos queued at once"
    )
    given = options.parse_args(list(arguments))
    if given.queued:
        return queued.measure(given.queued, given.seed, say)
    lengths = sorted(set(given.minutes))
    found = read_conditions(minutes=lengths, seed=given.seed, picture="1280x720, 24 fps, H.264 and AAC")
    if given.memory:
        return build_memory_report(
            [(minutes, _measure_peak(minutes, given.seed, say)) for minutes in lengths], found
        )
    chosen = min(lengths, key=lambda minutes: abs(math.log(minutes / MINUTES)))
    pairs = []
    for minutes in lengths:
        footage = Footage(minutes * 60, given.seed)
        source, peer = make_footage(footage, say), None
        if minutes == chosen:
            say(f"{minutes:g} min: one ffmpeg command")
            with tempfile.TemporaryDirectory(prefix="newsreel-bench-") as folder:
                peer = run_one_command(source, Path(folder))
        say(f"{minutes:g} min: newsreel ingest")
        pairs.append(Pair(minutes, footage.frames, peer, run_ingest(source)))
    return build_report(pairs, found)


def _measure_peak(minutes: float, seed: int, say: Say) -> Memory:
    source = make_footage(Footage(minutes * 60, seed), say)
    say(f"{minutes:g} min: newsreel ingest")
    memory = run_ingest(source, count_pictures=False).memory
    say(f"{minutes:g} min: peak {memory.peak_bytes / GIB:.2f} GiB")
    return memory


def build_memory_report(memories: Sequence[tuple[float, Memory]], found: dict[str, object]) -> Report:
    """Report on memory alone; lengths in ascending order."""
    highest = max(memory.peak_bytes for _, memory in memories)
    return Report(
        name="ingest",
        ours=highest / GIB,
        peer=memories[0][1].peak_bytes / GIB,
        peer_name="the shortest length",
        unit="GiB",
        figures=_build_memory_figures(memories),
        conditions={**found, **_format_peaks(memories)},
    )


def build_report(pairs: Sequence[Pair], found: dict[str, object]) -> Report:
    """Report on speed at the one length with a peer, and on pictures and memory of all lengths, in ascending order."""
    chosen, peer = next((pair, pair.peer) for pair in pairs if pair.peer)
    ours, at = chosen.ours, f"{chosen.minutes:g} min"
    figures = [
        Figure(f"{at}: stages over the command", ours.work_s / peer.wall_s, "x", limit=RATIO_LIMIT),
        Figure(f"{at}: encode alone over the command", ours.stages["encode"].seconds / peer.wall_s, "x"),
        Figure(f"{at}: the DAG's overhead apart", ours.run_s - ours.work_s, "s"),
        Figure(f"{at}: `newsreel ingest` as typed", ours.command_s, "s"),
        Figure(f"{at}: CPU of the whole stack over the command's", ours.cpu_s / peer.cpu_s, "x"),
        Figure(f"{at}: CPU of the whole stack", ours.cpu_s, "s"),
        Figure(f"{at}: CPU of the command", peer.cpu_s, "s"),
    ]
    for pair in pairs:
        figures += [
            Figure(f"{pair.minutes:g} min: stages", pair.ours.work_s, "s"),
            Figure(f"{pair.minutes:g} min: renditions not whole", pair.wrong, "", limit=0),
        ]
    memories = [(pair.minutes, pair.ours.memory) for pair in pairs]
    return Report(
        name="ingest",
        ours=ours.work_s,
        peer=peer.wall_s,
        peer_name="one ffmpeg command for the same ladder",
        unit="s",
        figures=[*figures, *_build_memory_figures(memories)],
        breakdown={stage: span.seconds for stage, span in ours.stages.items()},
        conditions={**found, **_format_peaks(memories)},
    )


def _build_memory_figures(memories: Sequence[tuple[float, Memory]]) -> list[Figure]:
    """Peak of each length, in ascending order, and the ratio of the highest to that of the shortest."""
    peaks = [memory.peak_bytes / GIB for _, memory in memories]
    figures = [
        Figure(f"{minutes:g} min: peak memory of the stack", peak, "GiB", limit=MEMORY_LIMIT_GIB)
        for (minutes, _), peak in zip(memories, peaks, strict=True)
    ]
    if len(peaks) > 1:
        growth = max(peaks) / peaks[0]
        figures.append(Figure("highest peak over that of the shortest", growth, "x", limit=FLATNESS_LIMIT))
    return figures


def _format_peaks(memories: Sequence[tuple[float, Memory]]) -> dict[str, object]:
    return {
        "peak_mib_by_program": {
            f"{minutes:g} min": _to_mib(memory.by_program) for minutes, memory in memories
        }
    }


def _to_mib(sizes: Mapping[str, int]) -> dict[str, int]:
    """Sizes in MiB, largest first."""
    return {
        name: round(sizes[name] / (1 << 20)) for name in sorted(sizes, key=sizes.__getitem__, reverse=True)
    }


def run_one_command(source: Path, folder: Path) -> Peer:
    """Run the peer's command, then decode its renditions and count their pictures."""
    peer = build_one_command(source, folder)
    before, begun = _read_children_cpu_s(), time.monotonic()
    media_tools.check(peer.command)
    wall_s, cpu_s = time.monotonic() - begun, _read_children_cpu_s() - before
    counted = {}
    for name, file in peer.rungs.items():
        video = probe(file).video
        if video is not None:
            counted[name] = count_decoded_pictures(file, video.codec)
    return Peer(wall_s, cpu_s, counted)


def run_ingest(source: Path, *, count_pictures: bool = True) -> Ours:
    """Ingest into a fresh HOME with its stack running, then optionally count the decoded pictures of each rendition."""
    with FreshHome() as house:
        house.start_stack()
        before = read_cpu_seconds(house)
        own = _read_children_cpu_s()
        with watched_memory(house) as memory:
            ran = house.run_command("ingest", source, "--title", source.stem)
        cpu_s = read_cpu_seconds(house) - before + _read_children_cpu_s() - own
        if ran.status:
            raise StageError(f"newsreel ingest exited with {ran.status}: {ran.answer}")
        times = read_run_times(house.airflow_database_url, "ingest_video", ran.answer["run_id"])
        stages = read_recorded_stages(house.lake, ran.answer["run_id"])
        rows = house.lake.read("renditions", where={"video_id": ran.answer["video_id"]}).to_pylist()
        package = house.media.package_path(Path(ran.answer["playback"]["hls"]).parent.name)
        counted = {
            row["rendition_id"]: count_decoded_pictures(package / row["path"] / PLAYLIST, row["codec"])
            for row in rows
            if row["media"] == "video" and count_pictures
        }
    ordered = dict(sorted(stages.items(), key=lambda stage: stage[1].started))
    return Ours(ordered, times.whole.seconds, ran.wall_s, cpu_s, memory, counted)


def _read_children_cpu_s() -> float:
    """CPU seconds of this process's terminated children and their descendants."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
