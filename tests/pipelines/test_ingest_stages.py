"""Stage programs, run in the order of the DAG: the rows that they write, and that a repeat writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import encode_video, fail, inspect_video, publish, reject
from pipelines.package.manifests import list_hls_files
from stores.delta import Lake
from stores.media import media
from stores.outbox import upsert_row
from stores.postgres import connect
from tests.pipelines.conftest import Footage
from tests.pipelines.measure import check_playback, digest_folder, measure_size
from tests.pipelines.stages import StoredVideo, read_versions

pytestmark = pytest.mark.usefixtures("database_url")


def test_a_sound_video_is_inspected_encoded_and_published_once(
    footage: Footage, tables: Lake, tmp_path: Path
) -> None:
    video = StoredVideo(footage("long.mp4"), tmp_path)
    assert video.run(inspect_video.main) == 0
    assert video.outcome["next"] == ["match"]
    assert video.read_row()["status"] == "inspecting"
    assert [
        (row["start_s"], row["end_s"], row["frames"], row["state"]) for row in video.read_rows("chunks")
    ] == [
        (0.0, 8.0, 192, "sound"),
        (8.0, 20.0, 288, "sound"),
    ]
    assert len(video.read_rows("fingerprints")) == 80
    assert {row["origin"] for row in video.read_rows("fingerprints")} == {"ingest"}
    assert video.read_rows("inspections") == []

    assert video.run(encode_video.main) == 0
    assert video.outcome["detail"] == "8 chunks encoded, 0 reused"
    assert video.read_row()["status"] == "encoding"
    assert video.read_row()["package"] is None
    assert [(row["rendition_id"], row["frames"]) for row in video.read_rows("renditions")] == [
        ("aac-64k", None),
        ("av1-240p", 480),
        ("h264-120p", 480),
        ("h264-240p", 480),
        ("opus-48k", None),
    ]

    assert video.run(publish.main) == 0
    row = video.read_row()
    assert (row["status"], row["reasons"], row["duration_s"]) == ("ready", [], pytest.approx(20, abs=0.05))
    package = media().package_path(row["package"])
    check_playback(package / "master.m3u8")
    assert {name.partition("/")[0] for name in list_hls_files(package)} == {
        row["path"] for row in video.read_rows("renditions")
    }
    assert measure_size(media().thumbnail_path(row["thumbnail_url"].rpartition("/")[2])) == (320, 240)

    before = (row, video.count_events(), read_versions(tables), digest_folder(media().root))
    for main in (inspect_video.main, encode_video.main, publish.main):
        assert video.run(main, attempt=2) == 0
    assert video.outcome["detail"] == "ready"
    assert (
        video.read_row(),
        video.count_events(),
        read_versions(tables),
        digest_folder(media().root),
    ) == before


def test_a_damaged_video_is_rejected_with_reasons(footage: Footage, tables: Lake, tmp_path: Path) -> None:
    content = bytearray(footage("long.mp4").read_bytes())
    middle = content.index(b"mdat") + len(content) // 2
    content[middle : middle + 5_000] = bytes(5_000)
    (tmp_path / "damaged.mp4").write_bytes(content)
    video = StoredVideo(tmp_path / "damaged.mp4", tmp_path)
    assert video.run(inspect_video.main) == 0
    assert video.outcome["next"] == ["reject"]
    assert "damaged" in [row["state"] for row in video.read_rows("chunks")]

    assert video.run(reject.main) == 0
    row, faults = video.read_row(), video.read_rows("inspections")
    assert row["status"] == "rejected"
    said = "\n".join(row["reasons"])
    assert all(f"{fault['start_s']:.1f}-{fault['end_s']:.1f} s" in said for fault in faults)
    assert all(f": {fault['detail']}" in said for fault in faults)
    assert row["package"] is None

    before = (row, video.count_events(), read_versions(tables))
    for main in (inspect_video.main, reject.main, fail.main):
        video.run(main, attempt=2)
    assert (video.read_row(), video.count_events(), read_versions(tables)) == before


def test_what_is_no_video_is_rejected_without_chunks(tables: Lake, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("Hello")
    video = StoredVideo(tmp_path / "text.mp4", tmp_path)
    assert video.run(inspect_video.main) == 0
    assert video.run(reject.main) == 0
    assert video.read_rows("chunks") == []
    assert video.read_row()["reasons"] == [
        "not_a_video: no picture or sound found in the file; provide a video"
    ]


def test_a_repeated_video_is_a_duplicate_of_the_best_match(
    footage: Footage, tables: Lake, tmp_path: Path
) -> None:
    video = StoredVideo(footage("plain.mp4"), tmp_path)
    span = {"query_start_s": 0.0, "query_end_s": 3.0, "reference_start_s": 0.0, "reference_end_s": 3.0}
    found = [("a", "whole", 0.95), ("b", "whole", 0.99), ("c", "part", 1.0)]
    rows = [
        {"video_id": "v", "reference_video_id": name, "kind": kind, "score": score, **span}
        for name, kind, score in found
    ]
    tables.replace("matches", scope={"video_id": "v"}, rows=rows)
    assert video.run(reject.main) == 0
    assert (video.read_row()["status"], video.read_row()["duplicate_of"]) == ("duplicate", "b")
    assert "video b" in video.read_row()["reasons"][0]


def test_nothing_is_rejected_without_a_reason(footage: Footage, tables: Lake, tmp_path: Path) -> None:
    video = StoredVideo(footage("plain.mp4"), tmp_path)
    assert video.run(reject.main) == 1
    assert video.read_row()["status"] == "uploading"


def test_what_was_not_encoded_is_not_published(footage: Footage, tables: Lake, tmp_path: Path) -> None:
    video = StoredVideo(footage("plain.mp4"), tmp_path)
    assert video.run(inspect_video.main) == 0
    assert video.run(publish.main) == 1
    assert video.read_row()["status"] == "inspecting"


def test_rows_that_break_their_expectations_stop_publishing(
    footage: Footage, tables: Lake, tmp_path: Path
) -> None:
    video = StoredVideo(footage("plain.mp4"), tmp_path)
    assert video.run(inspect_video.main) == 0
    assert video.run(encode_video.main) == 0
    broken = [{**row, "frames": -1} for row in video.read_rows("renditions")]
    tables.replace("renditions", scope={"video_id": "v"}, rows=broken)
    assert video.run(publish.main) == 1
    assert video.read_row()["status"] == "encoding"


def test_a_failed_run_says_which_stage_and_why(footage: Footage, tables: Lake, tmp_path: Path) -> None:
    video = StoredVideo(footage("plain.mp4"), tmp_path)
    assert video.run(publish.main) == 1
    assert video.run(fail.main) == 1
    [reason] = video.read_row()["reasons"]
    assert video.read_row()["status"] == "failed"
    assert reason.startswith("publish: ")
    assert video.outcome["detail"] == reason


def test_a_video_that_nobody_brought_is_an_error(tables: Lake, tmp_path: Path, footage: Footage) -> None:
    video = StoredVideo(footage("plain.mp4"), tmp_path)
    video.video_id = "unknown"
    for main in (inspect_video.main, encode_video.main, publish.main, reject.main, fail.main):
        assert video.run(main) == 1


def test_an_imported_video_without_a_file_says_so(footage: Footage, tables: Lake, tmp_path: Path) -> None:
    video = StoredVideo(footage("plain.mp4"), tmp_path)
    with connect() as connection:
        upsert_row(connection, "videos", {"video_id": "v"}, {"sha256": None})
    for main in (inspect_video.main, encode_video.main):
        assert video.run(main) == 1
    assert video.read_row()["status"] == "uploading"
    assert video.run(fail.main) == 1
    assert all("has no source file: its row was imported" in reason for reason in video.read_row()["reasons"])


def test_sound_alone_goes_all_the_way(footage: Footage, tables: Lake, tmp_path: Path) -> None:
    video = StoredVideo(footage("sound.mp3"), tmp_path)
    for main in (inspect_video.main, encode_video.main, publish.main):
        assert video.run(main) == 0
    assert (video.read_row()["status"], video.read_row()["thumbnail_url"]) == ("ready", None)
    assert [row["rendition_id"] for row in video.read_rows("renditions")] == ["aac-64k", "opus-48k"]
