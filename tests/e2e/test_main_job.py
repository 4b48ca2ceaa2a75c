"""Main job through Airflow's scheduler, as in the README: everything run twice, the second time without changes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from newsreel.embedded.airflow_access import airflow_client
from newsreel.embedded.nightly import DAGS as NIGHTLY
from newsreel.embedded.stack_state import running_stack
from pipelines import media_tools
from schemas.tables import LIVE_TABLES, TABLES
from streaming.consumers.airflow_client import AirflowClient, DagRun
from tests.e2e.house import House, wait_for

pytestmark = pytest.mark.timeout(3600)

PROJECT = Path(__file__).parent.parent.parent
CURSOR = LIVE_TABLES[-1].name
"""Table whose commits record the progress of a refresh; each refresh commits to it."""
FRAMES = 366
"""Frames of the clip, counted by its decoder (test_the_clip_is_what_the_tests_say)."""


def running_database(house: House) -> str:
    """Return the URL of the stack's PostgreSQL."""
    stack = running_stack(house.home)
    assert stack is not None
    return stack.database_url


def wait_for_end(airflow: AirflowClient, dag_id: str, prefix: str) -> DagRun:
    """Wait until the newest run of a DAG with this prefix has ended."""

    def newest() -> DagRun | None:
        runs = airflow.list_runs(dag_id, prefix)
        return runs[0] if runs and runs[0].finished else None

    return wait_for(newest, f"the end of a {prefix} run of {dag_id}")


def replays(house: House, day: date) -> set[tuple[str, int, str]]:
    """List the runs and attempts that replayed all events of a day, with their details."""
    query = f"SELECT run_id, attempt, detail FROM pipeline_runs WHERE detail LIKE '%all events of {day}'"
    return {(row["run_id"], row["attempt"], row["detail"]) for row in house.lake.query(query).to_pylist()}


def count_frames(path: Path | str) -> int:
    """Count decoded frames, with the ffmpeg that also decodes AV1; fails on any decoding error."""
    ffmpeg = [media_tools.program("ffmpeg-vmaf"), "-v", "error", "-xerror", "-i", str(path), "-map", "0:v:0"]
    done = subprocess.run(
        [*ffmpeg, "-fps_mode", "passthrough", "-f", "framecrc", "-"],
        check=True, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.stderr == ""
    return sum(not line.startswith("#") for line in done.stdout.splitlines())


def hls_files(package: Path) -> set[str]:
    """List the media files in the HLS playlists, relative to the package."""
    named = set()
    for playlist in package.rglob("*.m3u8"):
        for line in playlist.read_text().splitlines():
            for uri in re.findall(r'URI="([^"]+)"', line) + ([line] if line and line[0] != "#" else []):
                named.add(str((playlist.parent / uri).resolve().relative_to(package.resolve())))
    return {name for name in named if not name.endswith(".m3u8")}


def dash_files(package: Path) -> set[str]:
    """List the media files in the DASH manifest, relative to the package."""
    named = set()
    root = ElementTree.parse(package / "manifest.mpd").getroot()
    space = {"d": "urn:mpeg:dash:schema:mpd:2011"}
    for template in root.iterfind(".//d:SegmentTemplate[@initialization]", space):
        named.add(template.attrib["initialization"])
        number = int(template.attrib.get("startNumber", "1"))
        for run in template.iterfind(".//d:S", space):
            for _ in range(int(run.attrib.get("r", "0")) + 1):
                named.add(_fill_number(template.attrib["media"], number))
                number += 1
    return named


def _fill_number(media: str, number: int) -> str:
    return re.sub(r"\$Number(?:%0(\d+)d)?\$", lambda found: str(number).zfill(int(found[1] or 1)), media)


@pytest.fixture(scope="module")
def demo(house: House) -> dict[str, Any]:
    """Document of the first `newsreel demo --keep`. The stack leaves the nightly DAGs paused, for a test to start."""
    unpaused = house.home / "airflow" / "unpaused"
    unpaused.parent.mkdir(mode=0o700, parents=True)
    unpaused.write_text("\n".join(NIGHTLY))
    document: dict[str, Any] = house.json("demo", "--keep")
    return document


@pytest.fixture(scope="module")
def package(house: House, demo: dict[str, Any]) -> Path:
    return house.home / "media" / "packages" / demo["video"][0]["package"]


def test_the_clip_is_what_the_tests_say(clip: Path) -> None:
    assert count_frames(clip) == FRAMES


def test_the_demo_publishes_the_clip(demo: dict[str, Any]) -> None:
    assert demo["problems"] == []
    assert demo["status"] == "ready"
    assert [(stage["stage"], stage["state"]) for stage in demo["stages"]] == [
        ("inspect", "succeeded"),
        ("match", "succeeded"),
        ("encode", "succeeded"),
        ("publish", "succeeded"),
    ]
    assert demo["faults"] == []
    assert demo["matches"] == []


def test_an_analyst_reads_it_back(house: House, demo: dict[str, Any]) -> None:
    [video] = house.sql("SELECT * FROM videos")
    assert (video["video_id"], video["status"], video["uploader_id"]) == (
        demo["video_id"],
        "ready",
        house.sql("SELECT user_id FROM users WHERE user_name = 'demo'", personal=True)[0]["user_id"],
    )
    chunks = house.sql("SELECT sum(frames) AS frames, count(*) AS chunks FROM chunks WHERE state = 'sound'")
    assert chunks == [{"frames": FRAMES, "chunks": 2}]
    assert house.sql("SELECT count(*) AS n FROM fingerprints")[0]["n"] >= 4 * 15
    assert house.sql("SELECT count(*) AS n FROM quality_results WHERE NOT success") == [{"n": 0}]


def test_what_people_did_is_in_the_lake(house: House, demo: dict[str, Any]) -> None:
    assert demo["people"] == [{"views": 24, "likes": 2, "dislikes": 1, "comments": 2}]
    counters = "SELECT views, likes, dislikes FROM videos"
    assert house.sql(counters) == [{"views": 24, "likes": 2, "dislikes": 1}]
    [upload] = house.sql("SELECT state, video_id, sha256, file_name FROM uploads")
    assert (upload["state"], upload["video_id"]) == ("finished", demo["video_id"])
    assert house.sql("SELECT count(*) AS n FROM upload_chunks") == [{"n": 2}]


def test_a_request_is_followed_from_the_upload_to_the_published_video(
    house: House, demo: dict[str, Any]
) -> None:
    [finished] = house.sql(
        "SELECT request_id FROM events WHERE table_name = 'uploads' AND row LIKE '%\"finished\"%'"
    )
    assert finished["request_id"]
    rows = house.sql(f"SELECT row FROM events WHERE request_id = '{finished['request_id']}'")
    assert any('"ready"' in row["row"] for row in rows), "the DAG's stages carry it on"


def test_every_rendition_has_the_exact_frames_and_decodes(demo: dict[str, Any], package: Path) -> None:
    pictures = [row for row in demo["renditions"] if row["height"]]
    assert len(pictures) >= 2
    for row in pictures:
        playlist = next(package.glob(f"{row['rendition_id']}-*/media.m3u8"))
        assert count_frames(playlist) == row["frames"] == FRAMES
    assert [row["rendition_id"] for row in demo["renditions"]] == [
        "h264-720p", "h264-480p", "h264-240p", "av1-720p", "av1-240p", "opus-96k", "aac-128k",
    ]  # fmt: skip


def test_sprite_sheets_lie_in_the_package(package: Path) -> None:
    [index] = package.glob("sprites-*/thumbnails.vtt")
    sheets = {line.partition("#")[0] for line in index.read_text().splitlines() if "#xywh=" in line}
    assert sheets == {path.name for path in index.parent.glob("*.jpg")} == {"00001.jpg"}


def test_hls_and_dash_name_the_same_files_and_they_are_there(package: Path) -> None:
    assert hls_files(package) == dash_files(package)
    assert all((package / name).is_file() for name in hls_files(package))


def test_the_links_work_while_the_stack_is_kept(demo: dict[str, Any]) -> None:
    page = httpx.get(demo["links"]["watch"])
    assert page.status_code == 200
    assert "Big Buck Bunny" in page.text
    assert httpx.get(demo["links"]["hls"]).text.startswith("#EXTM3U")
    assert httpx.get(demo["links"]["dash"]).status_code == 200
    share = httpx.get(demo["links"]["share"])
    assert share.status_code == 200
    assert 'property="og:title" content="Big Buck Bunny (excerpt)"' in share.text
    assert httpx.get(demo["links"]["airflow"], follow_redirects=True).status_code == 200


def test_a_second_demo_finds_the_work_done(house: House, demo: dict[str, Any]) -> None:
    before, begun = house.tables(), time.monotonic()
    again = house.json("demo")
    assert time.monotonic() - begun < 20
    assert {**again, "took_s": 0} == {**demo, "took_s": 0}
    assert house.tables() == before


def test_the_whole_dag_once_more_changes_no_row_and_encodes_nothing(
    house: House, demo: dict[str, Any]
) -> None:
    before, files = house.tables(), house.media_files()
    again = house.json("demo", "--again")
    assert again["problems"] == []
    assert again["run_id"] != demo["run_id"]
    [encode] = [stage for stage in again["stages"] if stage["stage"] == "encode"]
    assert encode["detail"].startswith("0 chunks encoded")
    assert house.tables() == before
    assert house.media_files() == files


def test_a_cut_out_is_accepted_and_reported_with_its_range(
    house: House, demo: dict[str, Any], clip: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut out.mp4"
    media_tools.check(
        [
            media_tools.program("ffmpeg"), "-v", "error", "-ss", "5", "-t", "6", "-i", str(clip),
            "-vf", "scale=640:-2", "-crf", "30", "-c:a", "aac", str(cut),
        ]
    )  # fmt: skip
    answer = house.json("ingest", cut, "--title", "Six seconds of it")
    assert answer["status"] == "ready"
    matches = house.sql(f"SELECT * FROM matches WHERE video_id = '{answer['video_id']}'")
    assert [(row["kind"], row["reference_video_id"]) for row in matches] == [("part", demo["video_id"])]
    assert matches[0]["query_start_s"] == pytest.approx(0, abs=0.5)
    assert matches[0]["query_end_s"] == pytest.approx(6, abs=0.5)
    assert matches[0]["reference_start_s"] == pytest.approx(5, abs=0.5)
    assert matches[0]["reference_end_s"] == pytest.approx(11, abs=0.5)


def test_the_same_bytes_by_somebody_else_are_a_duplicate(
    house: House, demo: dict[str, Any], clip: Path
) -> None:
    packages = len(list((house.home / "media" / "packages").iterdir()))
    answer = house.json("ingest", clip, "--title", "Mine", "--user", "someone", code=1)
    assert answer["status"] == "duplicate"
    [row] = house.sql(f"SELECT duplicate_of FROM videos WHERE video_id = '{answer['video_id']}'")
    assert row["duplicate_of"] == demo["video_id"]
    assert len(list((house.home / "media" / "packages").iterdir())) == packages


def test_a_damaged_file_is_rejected_with_its_reason_everywhere(
    house: House, clip: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.mp4"
    content = bytearray(clip.read_bytes())
    half = len(content) // 2
    content[half : half + 20_000] = hashlib.shake_128(b"noise").digest(20_000)
    damaged.write_bytes(content)
    packages = set((house.home / "media" / "packages").iterdir())

    answer = house.json("ingest", damaged, "--title", "Damaged", code=1)
    assert answer["status"] == "rejected"
    assert answer["reasons"]
    assert answer["playback"] is None
    video_id, reason = answer["video_id"], answer["reasons"][0]

    told = house.json("runs", video_id)
    assert told["reasons"] == answer["reasons"]
    assert [stage["stage"] for stage in told["stages"]] == ["inspect", "reject"]
    faults = house.sql(f"SELECT kind, severity, detail FROM inspections WHERE video_id = '{video_id}'")
    assert any(fault["severity"] == "fatal" and fault["detail"] in reason for fault in faults)
    [row] = house.sql(f"SELECT status, reasons, package FROM videos WHERE video_id = '{video_id}'")
    assert (row["status"], row["package"]) == ("rejected", None)
    logs = house.home / "logs" / "airflow"
    assert any(faults[0]["detail"] in path.read_text() for path in logs.rglob(f"*{video_id}*/**/*.log"))

    assert set((house.home / "media" / "packages").iterdir()) == packages
    assert house.sql(f"SELECT * FROM renditions WHERE video_id = '{video_id}'") == []


def test_the_page_with_nothing_but_curl(demo: dict[str, Any], tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "api.md").read_text()
    script = "\n".join(re.findall(r"^```bash\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    pictures = tmp_path / "two seconds.mp4"
    media_tools.check(
        [
            media_tools.program("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=24:d=2",
            "-c:v", "libx264", "-pix_fmt", "yuv420p", str(pictures),
        ]
    )  # fmt: skip
    environment = os.environ | {"API": demo["links"]["watch"].split("/watch/")[0], "FILE": str(pictures)}
    if not shutil.which("curl"):
        stand_in = tmp_path / "bin" / "curl"
        stand_in.parent.mkdir()
        stand_in.write_text(
            f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("curl_stand_in.py")} "$@"\n'
        )
        stand_in.chmod(0o755)
        environment["PATH"] = f"{stand_in.parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1500, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    answers = documents(done.stdout)
    [likes, views] = [[one[name] for one in answers if name in one] for name in ("likes", "views")]
    assert (likes[0], likes[-1], views[0], views[-1]) == (0, 1, 0, 1)
    assert {one["status"] for one in answers if "playback" in one} >= {"ready"}
    assert "What a rabbit!" in [one.get("text") for one in answers]
    assert '<meta property="og:title" content="A big rabbit">' in done.stdout
    # The page shows the same kinds of responses in the same order, from the friends on.
    assert shape(answers)[-13:] == shape(documents(page))[-13:]


def documents(text: str) -> list[dict[str, Any]]:
    """Extract the JSON objects from a text."""
    found, decoder, at = [], json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            document, at = decoder.raw_decode(text, at)
            found.append(document)
        except json.JSONDecodeError:
            at += 1
        at = text.find("{", at)
    return found


def shape(answers: list[dict[str, Any]]) -> list[tuple[list[str], Any]]:
    """Return the fields of each response, and its state or status."""
    return [(list(one), one.get("state") or one.get("status")) for one in answers]


def test_a_day_once_more_by_airflows_backfill_changes_no_row(house: House, demo: dict[str, Any]) -> None:
    """Also runs the nightly DAGs on a scheduler: engagement, reconciliation, table sizes."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    view = {"video_id": demo["video_id"], "user_id": "u-yesterday", "session_id": "s", "watched_s": 2.5,
            "created": f"{yesterday}T10:00:00.000001Z"}  # fmt: skip
    with psycopg.connect(running_database(house)) as connection:
        key = {"video_id": demo["video_id"], "user_id": "u-yesterday", "session_id": "s"}
        connection.execute("SET newsreel.passing = 'on'")  # its event is inserted below, with its own time
        connection.execute(
            """INSERT INTO views (video_id, user_id, session_id, watched_s, created)
               VALUES (%(video_id)s, %(user_id)s, %(session_id)s, %(watched_s)s, %(created)s)""", view,
        )  # fmt: skip
        connection.execute("UPDATE videos SET views = views + 1 WHERE video_id = %(video_id)s", view)
        connection.execute("DELETE FROM tallies WHERE video_id = %(video_id)s", view)
        connection.execute("SET newsreel.passing = 'off'")
        connection.execute(
            "INSERT INTO events (table_name, row_key, kind, row, at) VALUES ('views', %s, 'upserted', %s, %s)",
            ("/".join(key.values()), json.dumps(view), view["created"]),
        )
    shown = "SELECT count(*) AS n FROM views WHERE user_id = 'u-yesterday'"
    wait_for(lambda: house.lake.query(shown)["n"][0].as_py() or None, "the view in the lake")
    with airflow_client(house.home) as airflow:
        wait_for(lambda: airflow.count_active_runs("refresh_tables") == 0 or None, "the refresh's end")
        before = {declared.name: house.lake.version(declared.name) for declared in LIVE_TABLES}
        earlier = replays(house, yesterday)
        airflow.backfill("refresh_tables", yesterday, yesterday)
        # Airflow reuses the scheduled run of that day, if there was one.
        [told] = wait_for(lambda: replays(house, yesterday) - earlier or None, "the day once more")
        assert told[-1] == f"0 rows changed; all events of {yesterday}"
        after = {declared.name: house.lake.version(declared.name) for declared in LIVE_TABLES}
        assert {name for name in after if after[name] != before[name]} <= {CURSOR}
        for dag in NIGHTLY:
            airflow.unpause(dag)  # as `newsreel up` does after ten minutes
        for dag in NIGHTLY:
            assert wait_for_end(airflow, dag, "scheduled").state == "success", dag
    engaged = house.lake.read("engagement_daily", where={"day": yesterday}).to_pylist()
    assert [(row["video_id"], row["views"], row["watch_time_s"]) for row in engaged] == [
        (demo["video_id"], 1, 2.5)
    ]
    counters = house.lake.read("reconciliations").to_pylist()
    assert {row["counter"]: row["live"] - row["lake"] for row in counters} == {
        "likes": 0,
        "dislikes": 0,
        "views": 0,
    }
    assert {row["table_name"] for row in house.lake.read("table_sizes").to_pylist()} == set(TABLES)


def test_the_stack_goes_down_and_leaves_nothing(house: House) -> None:
    assert house.run("down").returncode == 0
    assert house.processes() == []
    assert house.run("down").returncode == 1
