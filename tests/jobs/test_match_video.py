"""Matching finds re-encoded wholes, excerpts and loops; black pictures, stills and unrelated videos do not match."""

from __future__ import annotations

import json
import random
import subprocess
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs.match_video import find_segments, main, match_fingerprints, read_matches, write_matches
from jobs.matching.segments import Segment, build_identical_segment
from pipelines.inspection.fingerprints import fingerprint_file
from pipelines.media_tools import program
from pipelines.reject import decide_verdict
from schemas.errors import StageError
from stores.delta import Lake
from stores.outbox import upsert_row
from stores.postgres import connect

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Rows = list[dict[str, Any]]

SLOT_S = 0.25
BRIGHT, BLACK = 80, 5


def make_film(seed: int, seconds: float) -> list[bytes]:
    """Hashes of a moving picture: each differs from the previous one in a tenth of its bits."""
    chance = random.Random(seed)
    pictures = [chance.randbytes(32)]
    while len(pictures) < seconds / SLOT_S:
        pictures.append(add_noise(pictures[-1], chance, 26))
    return pictures


def add_noise(hash_: bytes, chance: random.Random, bits: int) -> bytes:
    flipped = sum(1 << bit for bit in chance.sample(range(256), bits))
    return (int.from_bytes(hash_, "big") ^ flipped).to_bytes(32, "big")


def reencode(pictures: Sequence[bytes], bits: int = 12) -> list[bytes]:
    chance = random.Random(99)
    return [add_noise(picture, chance, bits) for picture in pictures]


def build_rows(pictures: Sequence[bytes], name: str, quality: int = BRIGHT, origin: str = "corpus") -> Rows:
    return [
        {
            "video_id": name,
            "position_s": slot * SLOT_S,
            "hash": picture,
            "quality": quality,
            "sha256": f"sha256 of {name}",
            "origin": origin,
        }
        for slot, picture in enumerate(pictures)
    ]


def add(tables: Lake, *found: Rows) -> None:
    for one in found:
        tables.replace("fingerprints", scope={"video_id": one[0]["video_id"]}, rows=one)


def find_matches(query: Rows) -> list[Segment]:
    return find_segments(query, 3600.0, lambda reference: True)


def read_span(segment: Segment) -> tuple[float, ...]:
    return (
        segment.query_start_s, segment.query_end_s, segment.reference_start_s, segment.reference_end_s,
    )  # fmt: skip


def test_a_reencoded_whole_is_found_among_strangers(spark: SparkSession, tables: Lake):
    add(tables, *(build_rows(make_film(seed, 30), f"film {seed}") for seed in range(8)))
    [found] = find_matches(build_rows(reencode(make_film(3, 30)), "query"))
    assert (found.video_id, found.kind, read_span(found)) == ("film 3", "whole", (0, 30, 0, 30))


def test_cut_outs_of_two_films_are_told_with_their_ranges(spark: SparkSession, tables: Lake):
    one, other = make_film(1, 60), make_film(2, 60)
    add(tables, build_rows(one, "one"), build_rows(other, "other"))
    query = [*make_film(3, 10), *reencode(one[80:120]), *make_film(4, 5), *reencode(other[12:32])]
    found = {segment.video_id: segment for segment in find_matches(build_rows(query, "query"))}
    assert {segment.kind for segment in found.values()} == {"part"}
    assert read_span(found["one"]) == pytest.approx((10, 20, 20, 30), abs=0.5)
    assert read_span(found["other"]) == pytest.approx((25, 30, 3, 8), abs=0.5)


def test_black_and_flat_pictures_match_nothing_and_split_nothing(spark: SparkSession, tables: Lake):
    begin, end = make_film(1, 10), make_film(2, 10)
    black = [bytes(32)] * 16
    shown = build_rows([*begin, *black, *end], "film")
    for row in shown[40:56]:
        row["quality"] = BLACK
    add(tables, shown, build_rows(black, "black", BLACK))
    assert find_matches(build_rows(black, "more black", BLACK)) == []
    query = [{**row, "sha256": "another"} for row in shown]
    assert [(found.kind, read_span(found)) for found in find_matches(query)] == [("whole", (0, 24, 0, 24))]


def test_a_still_picture_is_one_segment_and_its_copy_is_whole(spark: SparkSession, tables: Lake):
    still = make_film(1, SLOT_S) * 80
    add(
        tables,
        build_rows(reencode(still, 2), "still"),
        build_rows([*make_film(2, 20), *still[:24], *make_film(3, 20)], "film"),
    )
    found = find_matches(build_rows(still, "query"))
    assert sorted((segment.video_id, segment.kind) for segment in found) == [
        ("film", "part"),
        ("still", "whole"),
    ]


def test_the_same_file_is_whole_even_where_all_of_it_is_black(spark: SparkSession, tables: Lake):
    black = build_rows([bytes(32)] * 8, "black", BLACK)
    add(tables, black)
    assert find_matches(black) == [build_identical_segment("black", 2.0)]


def test_an_empty_corpus_answers_nothing(home: Path, database_url: str):
    assert match_fingerprints(build_rows(make_film(1, 5), "query"), 5.0) == []


def test_only_ready_videos_and_the_corpus_are_told_of(spark: SparkSession, tables: Lake, database_url: str):
    shown = make_film(1, 10)
    ids = ("ready", "encoding", "removed", "unknown")
    add(tables, build_rows(shown, "added"), *(build_rows(shown, name, origin="ingest") for name in ids))
    for name in ids[:3]:
        insert_video(name, name)
    found = match_fingerprints(build_rows(reencode(shown), "query"), 10.0)
    assert sorted(entry["video_id"] for entry in found) == ["added", "ready"]
    assert list(found[0]) == [
        "video_id", "kind", "score", "query_start_s", "query_end_s", "reference_start_s", "reference_end_s",
    ]  # fmt: skip


def insert_video(video_id: str, status: str, created: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
    values = {"title": "T", "uploader_id": "u", "sha256": "0" * 64, "status": status, "created": created}
    with connect() as connection:
        upsert_row(connection, "videos", {"video_id": video_id}, values)


def run_stage(video_id: str, folder: Path, attempt: int = 1) -> dict[str, Any]:
    outcome = folder / f"{video_id}.{attempt}.json"
    arguments = ["--run-id", f"{video_id}-1", "--attempt", str(attempt), "--outcome", str(outcome)]
    main(["--video-id", video_id, *arguments])
    told: dict[str, Any] = json.loads(outcome.read_text())
    return told


def test_the_stage_rejects_a_copy_and_a_replay_changes_nothing(
    spark: SparkSession, tables: Lake, database_url: str, tmp_path: Path
):
    day = datetime(2026, 1, 1, tzinfo=UTC)
    shown = make_film(1, 10)
    for number, (name, status) in enumerate([("first", "ready"), ("copy", "inspecting"), ("later", "ready")]):
        insert_video(name, status, day + timedelta(days=number))
        add(tables, build_rows(reencode(shown, 2 * number), name, origin="ingest"))
    assert run_stage("copy", tmp_path)["next"] == ["reject"]
    assert [row["reference_video_id"] for row in read_matches("copy")] == ["first"]
    version = tables.version("matches")
    assert run_stage("copy", tmp_path, attempt=2)["next"] == ["reject"]
    assert tables.version("matches") == version
    assert decide_verdict("copy")["duplicate_of"] == "first"

    # An operator decides that it is not a duplicate: the match is still recorded, and ingest continues.
    decision = {"operator_id": "o", "reason": "It is another cut.", "created": day}
    with connect() as connection:
        upsert_row(
            connection, "match_decisions", {"video_id": "copy", "reference_video_id": "first"}, decision
        )
    assert run_stage("copy", tmp_path, attempt=3)["next"] == ["encode"]
    assert [row["kind"] for row in read_matches("copy")] == ["whole"]
    with pytest.raises(StageError, match="no reason to reject"):
        decide_verdict("copy")


def test_the_answer_about_a_published_video_stands_whatever_comes_later(
    spark: SparkSession, tables: Lake, database_url: str, tmp_path: Path
):
    shown = make_film(1, 10)
    insert_video("published", "ready")
    add(tables, build_rows(shown, "published", origin="ingest"), build_rows(shown, "added since"))
    assert run_stage("published", tmp_path)["next"] == ["encode"]
    assert read_matches("published") == []


def test_videos_that_finish_at_once_all_get_their_rows(spark: SparkSession, tables: Lake):
    ids = [f"video {number}" for number in range(3)]
    write_matches("before", [build_identical_segment("r", 1.0)])
    threads = [
        threading.Thread(target=write_matches, args=(name, [build_identical_segment("r", 5.0)]))
        for name in ids
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tables.read("matches").column("video_id").to_pylist() == ["before", *ids]
    write_matches("before", [])
    assert tables.read("matches").column("video_id").to_pylist() == ids


def run_ffmpeg(*arguments: str) -> None:
    subprocess.run([program("ffmpeg"), "-v", "error", "-y", *arguments], check=True, stdin=subprocess.DEVNULL)


def read_fingerprints(path: Path) -> Rows:
    return [{**row, "video_id": path.stem, "origin": "corpus"} for row in fingerprint_file(path)[1]]


def test_the_real_clip_is_found_smaller_and_cut_and_a_stranger_is_not(
    spark: SparkSession, tables: Lake, clip: Path, tmp_path: Path
):
    small, cut, stranger = (tmp_path / f"{name}.mp4" for name in ("small", "cut", "stranger"))
    cheap = ("-c:v", "libx264", "-preset", "veryfast", "-an")
    run_ffmpeg("-i", str(clip), "-vf", "scale=426:240", *cheap, "-crf", "38", str(small))
    run_ffmpeg(
        "-ss", "5.1", "-t", "4", "-i", str(clip), "-vf", "scale=640:360", *cheap, "-crf", "32", str(cut)
    )
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=8", *cheap, str(stranger))
    add(tables, read_fingerprints(clip))
    [whole] = find_matches(read_fingerprints(small))
    assert (whole.video_id, whole.kind) == (clip.stem, "whole")
    [part] = find_matches(read_fingerprints(cut))
    assert part.kind == "part"
    assert read_span(part) == pytest.approx((0, 4, 5.1, 9.1), abs=0.5)
    assert find_matches(read_fingerprints(stranger)) == []
