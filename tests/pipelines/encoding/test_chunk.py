"""Chunk encodes: cached only with exactly their pictures, the same bytes every time, also after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.encoding.chunk import ChunkEncode, choose_key_frame_times, encode_chunk, find_encoded
from pipelines.encoding.timeline import build_timeline
from pipelines.ladder.ladder import CODECS, build_ladder
from pipelines.source.chunk_plan import plan_chunks
from pipelines.source.cutting import build_pieces
from pipelines.source.probe import probe
from schemas.errors import MediaToolError
from stores.media import media
from tests.pipelines.conftest import Footage, ffmpeg
from tests.pipelines.measure import decode, digest_folder
from tests.processes import ChildProgram, is_gone, wait_until

PROJECT = Path(__file__).parents[3]


def task(source: Path, rung: int = 0) -> ChunkEncode:
    """The first chunk of a source, on one rung."""
    whole = plan_chunks(probe(source))
    pictures, part = build_timeline(whole), build_pieces(whole)[0]
    times = pictures.times[: len(part.chunk.pictures or pictures.times)]
    return ChunkEncode(
        part, build_ladder(whole.video)[rung], times, 0, pictures.timescale, pictures.step, pictures.rate
    )


def test_a_chunk_is_the_same_bytes_in_every_home(footage: Footage, home: Path) -> None:
    work = task(footage("long.mp4"))
    first = find_encoded(encode_chunk([work])[0][0]).read_bytes()
    media().root.rename(home / "aside")
    [(key, reused)] = encode_chunk([work])
    assert not reused
    assert find_encoded(key).read_bytes() == first
    assert encode_chunk([work]) == [(key, True)]


def test_rungs_that_share_a_decoding_are_the_same_bytes_as_apart(footage: Footage, home: Path) -> None:
    for name in ("long.mp4", "vfr.mp4", "rotated.mp4", "interlaced.ts"):
        rungs = build_ladder(task(footage(name)).piece.video, CODECS)
        tasks = [replace(task(footage(name)), rung=rung) for rung in rungs]
        together = [find_encoded(key).read_bytes() for key, _ in encode_chunk(tasks)]
        media().root.rename(home / f"aside-{name}")
        apart = [encode_chunk([one])[0] for one in tasks]
        assert [find_encoded(key).read_bytes() for key, _ in apart] == together


@pytest.mark.usefixtures("home")
def test_of_rungs_that_share_a_decoding_those_that_are_kept_stay(footage: Footage) -> None:
    work = [task(footage("plain.mp4"), rung=rung) for rung in (0, 1)]
    [(key, _)] = encode_chunk(work[1:])
    inode = find_encoded(key).stat().st_ino
    assert encode_chunk(work) == [(work[0].key, False), (key, True)]
    assert find_encoded(key).stat().st_ino == inode


@pytest.mark.usefixtures("home")
def test_a_chunk_that_lacks_a_picture_is_not_kept(footage: Footage) -> None:
    work = task(footage("plain.mp4"))
    for times in (
        (*work.times, work.times[-1] + 512),
        (*work.times[:9], work.times[9] + 99, *work.times[10:]),
    ):
        with pytest.raises(MediaToolError, match=r"plain\.mp4, chunk 0, h264-240p: "):
            encode_chunk([replace(work, times=times)])
    assert digest_folder(media().root) == {}


def test_the_name_of_a_chunk_depends_on_content_and_settings_alone(footage: Footage, tmp_path: Path) -> None:
    moved = tmp_path / "another name"
    moved.write_bytes(footage("plain.mp4").read_bytes())
    key = task(footage("plain.mp4")).key
    assert task(moved).key == key
    assert task(moved, rung=1).key != key
    other = replace(task(moved).piece.chunk, content="0" * 64)
    assert replace(task(moved), piece=replace(task(moved).piece, chunk=other)).key != key


@pytest.mark.usefixtures("home")
def test_two_that_encode_the_same_at_once_keep_the_same(footage: Footage) -> None:
    work = task(footage("plain.mp4"), rung=1)
    with ThreadPoolExecutor(4) as pool:
        keys = {key for [(key, _)] in pool.map(encode_chunk, [[work]] * 4)}
    assert keys == {work.key}
    [kept] = (media().root / "kept").rglob("*.mp4")
    assert len(decode(kept)) == 72
    assert list((media().root / "staging").iterdir()) == []


@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=400), st.sampled_from([12_288, 90_000, 16_000]))
def test_key_frames_fall_on_pictures_and_start_with_the_first(gaps: list[int], timescale: int) -> None:
    times = [0]
    for gap in gaps:
        times.append(times[-1] + gap)
    forced = [Fraction(text) for text in choose_key_frame_times(times, timescale).split(",")]
    chosen = [next(time for time in times if Fraction(time, timescale) >= moment) for moment in forced]
    assert chosen[0] == 0
    assert len(set(chosen)) == len(chosen) <= len(times)


def test_killed_in_the_middle_nothing_half_is_kept(home: Path, tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    moving = "testsrc2=size=512x288:rate=24:duration=18"
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "48", "-pix_fmt", "yuv420p")
    ffmpeg("-f", "lavfi", "-i", moving, *codec, str(source))
    program = (
        "import sys; from pathlib import Path; from stores.media import file_digest\n"
        "from pipelines.encoding.renditions import build_package; path = Path(sys.argv[1])\n"
        "with build_package(path, file_digest(path), workers=2) as package: print(package.encoded, package.reused)"
    )
    command = [sys.executable, "-c", program, str(source)]
    environment = {**os.environ, "NEWSREEL_HOME": str(home)}
    kept = home / "media" / "kept"
    with ChildProgram(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE) as victim:
        assert wait_until(lambda: any(kept.rglob("*.mp4")) and len(_encoders(victim.pid)) > 0)
        below = _encoders(victim.pid)
        os.kill(victim.pid, signal.SIGKILL)
        victim.communicate()
        assert wait_until(lambda: all(is_gone(process.pid) for process in below))
    finished = digest_folder(kept)
    for path in kept.rglob("*.mp4"):
        assert len(decode(path)) in (192, 240)

    again = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    encoded, reused = map(int, again.stdout.split())
    assert reused == len(finished)
    assert encoded == 4 - reused
    assert finished.items() <= digest_folder(kept).items()
    assert list((home / "media" / "staging").iterdir()) == []


def _encoders(pid: int) -> list[psutil.Process]:
    return [child for child in psutil.Process(pid).children(recursive=True) if "ffmpeg" in child.name()]
