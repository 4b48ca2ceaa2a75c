"""Part `one-video`: bytes of a video in the media store and the lake, and the cost of serving them.

Footage of a minute is ingested as users do it; then its largest H.264 rendition is fetched from the API as by a player,
segment by segment, without pauses.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from benchmarks.api.load import build_request, connections
from benchmarks.api.servers import find_stack_servers
from benchmarks.footage import Footage, make_footage
from benchmarks.fresh_home import FreshHome
from benchmarks.report import Say
from benchmarks.unit_costs.cost import Cost
from schemas.errors import StageError
from schemas.tables import LIVE_TABLES, TABLES
from stores.delta.maintenance import measure_size

LENGTH_S = 60.0
SERVED_S, CLIENTS = 10.0, 8
NOT_OF_VIDEOS = {"events", *(declared.name for declared in LIVE_TABLES)}
"""Tables that grow with the users' activity; the others grow with videos."""


def measure(say: Say) -> list[Cost]:
    """Unit costs. Raises StageError if the ingest does not end as ready."""
    source = make_footage(Footage(LENGTH_S), say)
    with FreshHome() as house:
        house.start_stack()
        house.lake.ensure()
        before = _measure_lake_bytes(house)
        say(f"one-video: newsreel ingest, {LENGTH_S:.0f} s")
        ran = house.run_command("ingest", source, "--title", source.stem)
        if ran.status:
            raise StageError(f"newsreel ingest exited with {ran.status}: {ran.answer}")
        media = {
            name: _measure_folder_bytes(house.home / "media" / name)
            for name in ("sources", "packages", "kept")
        }
        lake = _measure_lake_bytes(house) - before
        package = house.media.package_path(Path(ran.answer["playback"]["hls"]).parent.name)
        watched = [_find_largest(package), package / "aac-128k"]
        watched_bytes = sum(map(_measure_folder_bytes, watched))
        segments = sorted(path.name for path in watched[0].glob("*.m4s"))
        address = f"/media/packages/{package.name}/{watched[0].name}"
        served = asyncio.run(_measure_serving(house, [f"{address}/{name}" for name in segments], say))
    of = {"video_s": LENGTH_S}
    return [
        Cost("source_bytes", media["sources"], "bytes", "the source as it was uploaded", of),
        Cost("package_bytes", media["packages"], "bytes", "all renditions of the package", of),
        Cost("kept_bytes", media["kept"], "bytes", "cached encoded chunks", of),
        Cost("video_lake_bytes", lake, "bytes", "fingerprints, chunks and records in the lake", of),
        Cost(
            "watched_bytes",
            watched_bytes,
            "bytes",
            "fetched by a player: the largest H.264 rendition and its sound",
            of,
        ),
        served,
    ]


async def _measure_serving(house: FreshHome, addresses: Sequence[str], say: Say) -> Cost:
    """CPU time of the API for segments of a rendition."""
    requests = cycle([build_request("GET", address) for address in addresses])
    server, total = find_stack_servers(house), 0
    say(f"one-video: its {len(addresses)} segments, closed loop for {SERVED_S:.0f} s")
    before = server.find_api().cpu_times()
    end = time.perf_counter() + SERVED_S
    async with connections(server.port, CLIENTS) as made:

        async def player(number: int) -> None:
            nonlocal total
            while time.perf_counter() < end:
                answer = await made[number].ask(next(requests))
                if answer.status != 200:
                    raise StageError(f"GET of a segment: status {answer.status}")
                total += len(answer.body)

        await asyncio.gather(*map(player, range(CLIENTS)))
    after = server.find_api().cpu_times()
    core_s = after.user + after.system - before.user - before.system
    return Cost("media_api", core_s, "core-s", "CPU of the API for segments served", {"bytes": total})


def _find_largest(package: Path) -> Path:
    return max(package.glob("h264-*"), key=_measure_folder_bytes)


def _measure_lake_bytes(house: FreshHome) -> int:
    return sum(measure_size(house.lake, name).size_bytes for name in TABLES if name not in NOT_OF_VIDEOS)


def _measure_folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
