"""Invalid input: a clear reason, and nothing left behind: no process, no partial video."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines import media_tools
from tests.e2e.house import House, make_house, wait_for

pytestmark = pytest.mark.timeout(3600)

SMALL_DISK_BYTES = 1_500_000
"""Room for two seconds of video, but not for their renditions."""


def create_media(path: Path, *arguments: str) -> Path:
    """Create a file with ffmpeg."""
    media_tools.check([media_tools.program("ffmpeg"), "-v", "error", "-y", *arguments, f"file:{path}"])
    return path


def small(path: Path, pictures: str, length_s: float) -> Path:
    """Create a small video with sound from an ffmpeg source; videos of different sources do not match."""
    video = (
        "-f",
        "lavfi",
        "-i",
        f"{pictures}=size=320x180:rate=24",
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
    )
    return create_media(path, "-f", "lavfi", "-i", "sine", *video, "-c:a", "aac", "-t", str(length_s))


@pytest.fixture(scope="module")
def up(house: House) -> House:
    """HOME with its stack running."""
    house.up()
    return house


REJECTED: dict[str, str] = {
    "text renamed.mp4": "not_a_video",
    "empty.mp4": "empty",
    "still picture.jpg": "still_picture",
    "cut off.mp4": "truncated",
}
STRANGE = "a 'strange'\n\"name\" with ; $(touch pwned) and ünïcode.mp4"


@pytest.fixture(scope="module")
def answers(up: House, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, Any]]:
    """Exit code and document of each file, all ingested at the same time."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "text renamed.mp4").write_text("This is text. " * 1_000)
    (folder / "empty.mp4").touch()
    create_media(folder / "still picture.jpg", "-i", str(clip), "-frames:v", "1", "-update", "1")
    (folder / "cut off.mp4").write_bytes(clip.read_bytes()[:600_000])
    small(folder / "plain.mp4", "testsrc2", 2).rename(folder / STRANGE)
    shutil.copy(small(folder / "twice.mp4", "mandelbrot", 2), folder / "twice again.mp4")
    (folder / "sub").mkdir()
    running = {}
    for path in sorted(folder.glob("*.*")):
        # Paths are opened as given, never joined with a folder.
        brought = path.parent / "sub" / ".." / path.name
        running[path.name] = up.start("ingest", brought, "--title", path.name, "--json")
    found = {}
    for name, process in running.items():
        stdout, stderr = process.communicate(timeout=1500)
        assert stdout, stderr
        found[name] = (process.returncode, json.loads(stdout))
    return found


@pytest.mark.parametrize(("name", "kind"), REJECTED.items())
def test_what_is_no_sound_video_is_rejected_in_words(
    up: House, answers: dict[str, tuple[int, Any]], name: str, kind: str
) -> None:
    code, answer = answers[name]
    assert (code, answer["status"], answer["playback"]) == (1, "rejected", None)
    assert answer["reasons"][0].startswith(kind)
    told = up.json("runs", answer["video_id"])
    assert told["reasons"] == answer["reasons"]
    assert [stage["state"] for stage in told["stages"]] == ["refused", "succeeded"]


def test_a_strange_name_is_a_name_like_any_other(answers: dict[str, tuple[int, Any]]) -> None:
    code, answer = answers[STRANGE]
    assert (code, answer["status"]) == (0, "ready")
    assert not Path("pwned").exists()


def test_the_same_file_twice_at_once_is_one_video_and_one_run(
    up: House, answers: dict[str, tuple[int, Any]]
) -> None:
    first, second = answers["twice.mp4"], answers["twice again.mp4"]
    assert first == second
    assert first[1]["status"] == "ready"
    stages = up.json("runs", first[1]["video_id"])["stages"]
    assert [stage["stage"] for stage in stages] == ["inspect", "match", "encode", "publish"]


def test_nothing_is_left_of_any_of_them(up: House, answers: dict[str, tuple[int, Any]]) -> None:
    ready = {answer["video_id"] for _, answer in answers.values() if answer["status"] == "ready"}
    assert len(list((up.home / "media" / "packages").iterdir())) == len(ready)
    assert {row["video_id"] for row in up.sql("SELECT DISTINCT video_id FROM renditions")} == ready
    assert list((up.home / "media" / "staging").iterdir()) == []
    assert up.sql("SELECT * FROM pipeline_runs WHERE state IN ('running', 'failed', 'lost')") == []


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "forbidden", "broken"])
def test_a_path_that_cannot_be_read_is_exit_2_and_no_video(house: House, tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    command: list[str] = []
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "broken":
        path = Path("/proc/self/mem")  # a regular file that cannot be read from its start
    elif kind == "forbidden":
        path.write_bytes(b"secret")
        path.chmod(0)
        if os.geteuid() == 0:  # root may read anything, unless it gives that up
            os.chown(path, 1, 1)
            command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
            command += ["--inh-caps", "-dac_override,-dac_read_search", "--"]
    done = subprocess.run(
        [*command, sys.executable, "-m", "newsreel", "ingest", str(path), "--title", "T", "--json"],
        env=house.environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert str(path) in json.loads(done.stdout)["error"]["detail"]
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["retry", "cancel", "runs"])
def test_an_unknown_video_is_exit_1(up: House, command: str) -> None:
    done = up.run(command, "no-such-video")
    assert done.returncode == 1
    assert "no such video: 'no-such-video'" in done.stderr


def test_there_is_nothing_to_cancel_of_a_final_answer(up: House, answers: dict[str, tuple[int, Any]]) -> None:
    _, answer = answers[STRANGE]
    assert up.json("cancel", answer["video_id"], code=1)["status"] == "ready"
    assert up.json("retry", answer["video_id"]) == answer


def test_a_cancelled_video_goes_no_further_until_it_is_retried(up: House, tmp_path: Path) -> None:
    path = small(tmp_path / "cancelled.mp4", "life", 12)
    running = up.start("ingest", path, "--title", "Cancelled", "--json")
    assert running.stderr is not None
    video_id = next(line.split()[1] for line in running.stderr if line.startswith("video "))
    encoding = {"video_id": video_id, "stage": "encode"}
    wait_for(lambda: up.lake.read("pipeline_runs", where=encoding).num_rows or None, "the encode stage")
    assert up.json("cancel", video_id)["reasons"] == ["cancelled"]
    assert [process for process in up.processes() if video_id in process.cmdline()] == []
    answer = json.loads(running.communicate(timeout=600)[0])
    assert (running.returncode, answer["status"], answer["reasons"]) == (3, "failed", ["cancelled"])
    [encode] = [stage for stage in up.json("runs", video_id)["stages"] if stage["stage"] == "encode"]
    assert (encode["state"], encode["detail"]) == ("lost", "cancelled")
    assert up.json("retry", video_id)["status"] == "ready"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Small file system; only root can mount one."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    size = f"size={SMALL_DISK_BYTES}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "none", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk requires root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_fails_in_words_and_a_retry_goes_on_once_there_is_room(
    tmp_path: Path, small_disk: Path
) -> None:
    path = small(tmp_path / "two seconds.mp4", "testsrc2", 2)
    with (small_disk / "ballast").open("wb") as ballast:
        ballast.write(bytes(SMALL_DISK_BYTES - path.stat().st_size - 150_000))
    with make_house(tmp_path) as whole:
        place = {"NEWSREEL_MEDIA_URI": (small_disk / "of newsreel").as_uri()}
        refused = whole.override_settings(place).run("ingest", path, "--title", "T", "--json")
        assert refused.returncode == 3
        assert (
            "have to stay free (NEWSREEL_FREE_SPACE_BYTES)" in json.loads(refused.stdout)["error"]["detail"]
        )
        assert not (small_disk / "of newsreel").exists()
        house = whole.override_settings({**place, "NEWSREEL_FREE_SPACE_BYTES": "0"})
        told = house.run("ingest", path, "--title", "T", "--json")
        assert told.returncode == 3
        document = json.loads(told.stdout)
        said = document.get("reasons") or [document["error"]["detail"]]
        assert any(re.search("disk is full|No space left", reason) for reason in said), (
            told.stdout + told.stderr
        )
        assert house.processes() == []
        assert [found for found in small_disk.rglob("staging/*") if found.is_dir()] == []
        assert not (small_disk / "of newsreel" / "packages").exists()

        (small_disk / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
        again = house.json("ingest", path, "--title", "T")
        assert again["status"] == "ready"
