"""What became of one video, read back from the lake with the queries that an analyst would type."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

from schemas.tables import TABLES
from stores.delta import Lake

RECORDS_OF_RUNS = ("pipeline_runs", "quality_results")
"""Tables that say what ran; every other table must be the same after a repeat."""


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
        "What people did",
        "SELECT (SELECT count(*) FROM views WHERE video_id = '$video_id') AS views,"
        " (SELECT count(*) FROM reactions WHERE video_id = '$video_id' AND kind = 'like') AS likes,"
        " (SELECT count(*) FROM reactions WHERE video_id = '$video_id' AND kind = 'dislike') AS dislikes,"
        " (SELECT count(*) FROM comments WHERE video_id = '$video_id') AS comments",
    ),
}
"""What each section is called, and asks; video and run ids are UUIDs of ours, so nothing in them needs quoting."""
LAST_RUN = "SELECT run_id FROM pipeline_runs WHERE video_id = '$video_id' ORDER BY started DESC LIMIT 1"


@dataclass(frozen=True)
class Section:
    """One query, and what the lake answered."""

    title: str
    query: str
    rows: list[dict[str, Any]]


def read_summary(lake: Lake, video_id: str, run_id: str) -> dict[str, Section]:
    """The sections of `QUERIES` for one video and one of its runs."""
    filled = {
        name: (title, Template(query).substitute(video_id=video_id, run_id=run_id))
        for name, (title, query) in QUERIES.items()
    }
    return {
        name: Section(title, query, lake.query(query).to_pylist()) for name, (title, query) in filled.items()
    }


def last_run_id(lake: Lake, video_id: str) -> str | None:
    """The run of a video that began last, or None."""
    runs = lake.query(Template(LAST_RUN).substitute(video_id=video_id)).to_pylist()
    return runs[0]["run_id"] if runs else None


def shortcomings(sections: Mapping[str, Section]) -> list[str]:
    """What keeps the summary from showing a video that was published as it should be; empty when all holds."""
    from pipelines.ladder.ladder import INGEST_CODECS

    found = []
    status = [row["status"] for row in sections["video"].rows]
    if status != ["ready"]:
        found.append(f"the video's row in the lake says {status or 'nothing'}, not ready")
    ended = {row["stage"]: row["state"] for row in sections["stages"].rows}
    found += [
        f"stage {stage} ended as {ended.get(stage, 'never run')}"
        for stage in ("inspect", "match", "encode", "publish")
        if ended.get(stage) != "succeeded"
    ]
    found += [
        f"{row['table_name']}: {row['met']} of {row['expectations']} expectations met"
        for row in sections["quality"].rows
        if row["met"] != row["expectations"]
    ]
    if not sections["quality"].rows:
        found.append("the quality gate left no result")
    pictures = [row["frames"] for row in sections["renditions"].rows if row["height"]]
    if len(pictures) < 2 or len(set(pictures)) != 1:
        found.append(
            f"two or more renditions with the same number of frames were expected, there are {pictures}"
        )
    codecs = {row["codec"] for row in sections["renditions"].rows}
    if missing := [codec for codec in INGEST_CODECS if codec not in codecs]:
        found.append(f"there is no rendition in {' or '.join(missing)}")
    return found


def table_digests(lake: Lake) -> dict[str, str]:
    """A digest of all rows of every table but the records of runs, to show that a repeat changed none."""
    return {
        name: hashlib.sha256(repr(lake.read(name).to_pylist()).encode()).hexdigest()
        for name in TABLES
        if name not in RECORDS_OF_RUNS
    }
