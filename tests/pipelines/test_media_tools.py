"""Media tools: safe arguments, bounded time and memory, no process left behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipelines import media_tools
from schemas.errors import DependencyError, MediaToolError
from tests.pipelines.conftest import Footage, ffmpeg
from tests.processes import ChildProgram, is_gone, wait_until


@pytest.mark.parametrize("name", media_tools.PROGRAMS)
def test_every_program_says_its_version(name: str) -> None:
    assert any(character.isdigit() for character in media_tools.version(name))


def test_a_missing_program_is_a_dependency_error_that_says_how_to_get_it() -> None:
    with pytest.raises(DependencyError, match="no-such-program is missing"):
        media_tools.program("no-such-program")


def test_a_failing_program_says_why() -> None:
    with pytest.raises(MediaToolError, match=r"nowhere\.mp4"):
        media_tools.check([media_tools.program("ffprobe"), "nowhere.mp4"])


def test_a_full_disk_is_told_and_where(home: Path, footage: Footage) -> None:
    command = [media_tools.program("ffmpeg"), "-v", "error", "-y", "-i", str(footage("plain.mp4"))]
    with pytest.raises(MediaToolError, match=f"the disk is full: .* under {home / 'media'}; free space"):
        media_tools.check([*command, "-c", "copy", "-f", "nut", "/dev/full"])


def test_a_program_is_stopped_when_its_time_is_over() -> None:
    started = time.monotonic()
    with pytest.raises(MediaToolError, match="longer than 1 s"):
        media_tools.check(["/bin/sleep", "60"], timeout_s=1)
    assert time.monotonic() - started < 10


def test_what_a_program_says_is_kept_in_bounds() -> None:
    script = "yes 0123456789012345678901234567890123456789 | head -c 20000000 >&2; exit 3"
    finished, _ = media_tools.run(["/bin/sh", "-c", script], consume=lambda stdout: stdout.read())
    assert finished.status == 3
    assert len(finished.stderr) < 100_000


def test_a_program_dies_with_the_process_that_started_it() -> None:
    script = "from pipelines import media_tools; media_tools.check(['/bin/sleep', '601.25'])"
    with ChildProgram([sys.executable, "-c", script], cwd=Path(__file__).parents[2]) as parent:
        child = _child_named(parent.pid, "601.25")
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        assert wait_until(lambda: is_gone(child.pid))


def test_a_name_that_looks_like_an_option_is_a_file(footage: Footage, tmp_path: Path) -> None:
    dashed = tmp_path / "-loglevel"
    dashed.write_bytes(footage("plain.mp4").read_bytes())
    stream = media_tools.source_input(Path("-loglevel")).video.output("pipe:1", format="null")
    media_tools.check(media_tools.ffmpeg_command(stream), cwd=tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nplain.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile plain.ts\n",
    ],
    ids=["hls", "concat"],
)
def test_a_playlist_never_opens_the_file_that_it_names(footage: Footage, tmp_path: Path, text: str) -> None:
    ffmpeg("-i", str(footage("plain.mp4")), "-c", "copy", str(tmp_path / "plain.ts"))
    playlist = tmp_path / "list.mp4"
    playlist.write_text(text)
    stream = media_tools.source_input(playlist).video.output("pipe:1", format="null")
    with pytest.raises(MediaToolError):
        media_tools.check(media_tools.ffmpeg_command(stream))


def _child_named(pid: int, argument: str) -> psutil.Process:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for child in psutil.Process(pid).children(recursive=True):
            if argument in child.cmdline() and "sleep" in child.name():
                return child
        time.sleep(0.05)
    raise AssertionError("the child never started")
