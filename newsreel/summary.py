"""Summary of one video's ingest, read back from the lake with the queries that it prints.

Tests: tests/e2e/test_main_job.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

from schemas.tables import TABLES
from stores.delta import Lake

RUN_TABLES = ("pipeline_runs", "quality_results")
"""Tables that record runs; every other table must be unchanged after a repeated run."""


QUERIES = {
    "video": (
        "Video",
        "SELECT video_id, title, status, duration_s, size_bytes, reasons, package"
        " FROM videos WHERE video_id = '$video_id'",
    ),
    "stages": (
        "Stages",
        "SELECT stage, attempt, state, duration_s, rows, detail"
        " FROM pipeline_runs WHERE run_id = '$run_id' ORDER BY started",
    ),
    "quality": (
        "Quality gate",
        "SELECT table_name, count(*) AS expectations, count(*) FILTER (WHERE success) AS met"
        " FROM quality_results WHERE run_id = '$run_id' GROUP BY table_name ORDER BY table_name",
    ),
    "faults": (
        "Faults",
        "SELECT severity, kind, start_s, end_s, detail FROM inspections WHERE video_id = '$video_id'",
    ),
    "matches": (
        "Matches",
        "SELECT reference_video_id, kind, score, query_start_s, query_end_s, reference_start_s, reference_end_s"
        " FROM matches WHERE video_id = '$video_id' ORDER BY score DESC",
    ),
    "renditions": (
        "Renditions",
        "SELECT rendition_id, codec, width, height, frames, bitrate_bps, peak_bps, duration_s"
        " FROM renditions WHERE video_id = '$video_id' ORDER BY media DESC, codec DESC, bitrate_bps DESC",
    ),
    "people": (
        "Engagement",
        "SELECT (SELECT count(*) FROM views WHERE video_id = '$video_id') AS views,"
        " (SELECT count(*) FROM reactions WHERE video_id = '$video_id' AND kind = 'like') AS likes,"
        " (SELECT count(*) FROM reactions WHERE video_id = '$video_id' AND kind = 'dislike') AS dislikes,"
        " (SELECT count(*) FROM comments WHERE video_id = '$video_id') AS comments",
    ),
}
"""Title and query of each section. Video and run ids are generated UUIDs, so substitution needs no quoting."""
LAST_RUN = "SELECT run_id FROM pipeline_runs WHERE video_id = '$video_id' ORDER BY started DESC LIMIT 1"


@dataclass(frozen=True)
class Section:
    """One query and its rows."""

    title: str
    query: str
    rows: list[dict[str, Any]]


def read_summary(lake: Lake, video_id: str, run_id: str) -> dict[str, Section]:
    """Read the sections of `QUERIES` for one video and one of its runs."""
    filled = {
        name: (title, Template(query).substitute(video_id=video_id, run_id=run_id))
        for name, (title, query) in QUERIES.items()
    }
    return {
        name: Section(title, query, lake.query(query).to_pylist()) for name, (title, query) in filled.items()
    }


def find_last_run_id(lake: Lake, video_id: str) -> str | None:
    """Return the id of the run of a video that started last, or None."""
    runs = lake.query(Template(LAST_RUN).substitute(video_id=video_id)).to_pylist()
    return runs[0]["run_id"] if runs else None


def find_problems(sections: Mapping[str, Section]) -> list[str]:
    """List the reasons why a summary does not show a completely published video; empty if it does."""
    from pipelines.ladder.ladder import INGEST_CODECS

    problems = []
    status = [row["status"] for row in sections["video"].rows]
    if status != ["ready"]:
        problems.append(
            f"status of the video in the lake is {status[0] if status else 'missing'}, expected ready"
        )
    states = {row["stage"]: row["state"] for row in sections["stages"].rows}
    problems += [
        f"stage {stage}: state {states.get(stage, 'not run')}, expected succeeded"
        for stage in ("inspect", "match", "encode", "publish")
        if states.get(stage) != "succeeded"
    ]
    problems += [
        f"quality gate: {row['table_name']} met {row['met']} of {row['expectations']} expectations"
        for row in sections["quality"].rows
        if row["met"] != row["expectations"]
    ]
    if not sections["quality"].rows:
        problems.append("quality gate: no results")
    frames = [row["frames"] for row in sections["renditions"].rows if row["height"]]
    if len(frames) < 2 or len(set(frames)) != 1:
        problems.append(f"expected two or more video renditions with equal frame counts, got {frames}")
    codecs = {row["codec"] for row in sections["renditions"].rows}
    if missing := [codec for codec in INGEST_CODECS if codec not in codecs]:
        problems.append(f"no rendition in {', '.join(missing)}")
    return problems


def digest_tables(lake: Lake) -> dict[str, str]:
    """Compute a digest of all rows of every table but `RUN_TABLES`, to compare before and after a run."""
    return {
        name: hashlib.sha256(repr(lake.read(name).to_pylist()).encode()).hexdigest()
        for name in TABLES
        if name not in RUN_TABLES
    }
