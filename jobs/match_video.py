"""Stage `match`: which segments of a video were there before it. A whole match makes it a duplicate.

Unless an operator has decided that it is none (`match_decisions`): then the match is told, and the video goes on.

The corpus is the ready videos that came earlier and what `newsreel fingerprint` added. If any picture of it is similar
(`jobs.matching.screening`), Spark proposes offsets (`jobs.matching.candidates`) and compares all pictures at these
offsets (`jobs.matching.runs`); `jobs.matching.segments` selects the segments to report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.matching.samples import SAMPLE_S
from jobs.matching.screening import anything_alike
from jobs.matching.segments import Run, Segment, best_first, choose_segments, identical
from jobs.spark.session import spark_session
from schemas.derive.arrow import arrow_schema
from schemas.errors import NotFoundError
from schemas.tables import table
from schemas.tables.videos import FINAL_STATUSES
from stores.delta import lake
from stores.match_decisions import standing_wholes
from stores.outbox import find
from stores.postgres import Connection, connect
from stores.stage import stage_arguments, stage_attempt

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Reference:
    """What the lake knows of a video that may share pictures with the query."""

    video_id: str
    duration_s: float
    in_corpus: bool
    digests: frozenset[str]


def match_fingerprints(rows: Sequence[Row], duration_s: float) -> list[dict[str, Any]]:
    """Segments of a file that ready videos or the corpus hold, best first, as `newsreel match --json` prints them.

    `rows`: fingerprints as the table declares them; their video id is ignored. No Spark where there is nothing to
    compare. Raises DependencyError where Spark or PostgreSQL is missing.
    """
    lake().ensure()
    with connect() as connection:
        eligible = partial(_is_ready, connection)
        return [asdict(segment) for segment in find_segments(rows, duration_s, eligible)]


def find_segments(
    rows: Sequence[Row], duration_s: float, eligible: Callable[[Reference], bool], video_id: str | None = None
) -> list[Segment]:
    """Segments that a video's fingerprints share with eligible references, best first.

    `video_id` is never compared with itself. `duration_s` bounds the times; the pictures may end before.
    """
    if not rows:
        return []
    ends_s = min(duration_s, max(row["position_s"] for row in rows) + SAMPLE_S)
    same = [
        reference
        for reference in map(_reference, _ids_with(rows[0]["sha256"]))
        if reference.video_id != video_id and eligible(reference)
    ]
    found = [identical(reference.video_id, ends_s) for reference in same]
    if anything_alike(
        rows, but=[*(reference.video_id for reference in same), *([video_id] if video_id else [])]
    ):
        spark = spark_session("newsreel match")
        corpus = spark.read.format("delta").load(lake().location("fingerprints"))
        if video_id is not None:
            corpus = corpus.where(corpus["video_id"] != video_id)
        told = {reference.video_id for reference in same}
        runs, durations_s = match_rows(
            spark, rows, corpus, lambda reference: reference.video_id not in told and eligible(reference)
        )
        found += choose_segments(runs, ends_s, durations_s)
    return best_first(found)


def match_rows(
    spark: SparkSession, rows: Iterable[Row], corpus: DataFrame, eligible: Callable[[Reference], bool]
) -> tuple[list[Run], dict[str, float]]:
    """Runs of pictures that `rows` share with eligible videos of `corpus`, and those videos' durations in seconds."""
    from jobs.matching.candidates import candidate_offsets
    from jobs.matching.runs import shared_runs
    from jobs.matching.samples import samples

    query = samples(spark.createDataFrame(_fingerprints(rows)))
    offsets = candidate_offsets(query, samples(corpus)).toArrow().to_pylist()
    proposed = map(_reference, sorted({offset["video_id"] for offset in offsets}))
    references = {reference.video_id: reference for reference in proposed if eligible(reference)}
    if not references:
        return [], {}
    # The same beginning is always looked at: of a still picture every offset gets as many votes.
    wanted = {(name, 0) for name in references} | {
        (offset["video_id"], offset["offset_slots"]) for offset in offsets if offset["video_id"] in references
    }
    pairs = spark.createDataFrame(sorted(wanted), "video_id string, offset_slots long")
    named = samples(corpus.where(corpus["video_id"].isin(sorted(references))))
    runs = shared_runs(query, named, pairs).toArrow().to_pylist()
    return (
        [Run(**{name: run[name] for name in Run.__dataclass_fields__}) for run in runs],
        {reference.video_id: reference.duration_s for reference in references.values()},
    )


def _fingerprints(rows: Iterable[Row]) -> pa.Table:
    wanted = [
        field for field in arrow_schema(table("fingerprints")) if field.name not in ("origin", "sha256")
    ]
    schema = pa.schema([field.remove_metadata() for field in wanted])
    picked = [{**{name: row.get(name) for name in schema.names}, "video_id": ""} for row in rows]
    return pa.Table.from_pylist(picked, schema=schema)


def _reference(video_id: str) -> Reference:
    held = lake().read(
        "fingerprints", columns=["position_s", "origin", "sha256"], where={"video_id": video_id}
    )
    return Reference(
        video_id,
        duration_s=max(held.column("position_s").to_pylist(), default=0.0) + SAMPLE_S,
        in_corpus="corpus" in held.column("origin").to_pylist(),
        digests=frozenset(held.column("sha256").to_pylist()),
    )


def _ids_with(sha256: str) -> list[str]:
    held = lake().read("fingerprints", columns=["video_id"], where={"sha256": sha256})
    return sorted(set(held.column("video_id").to_pylist()))


def _is_ready(connection: Connection, reference: Reference) -> bool:
    if reference.in_corpus:
        return True
    row = find(connection, "videos", {"video_id": reference.video_id})
    return row is not None and row["status"] == "ready"


def _came_before(connection: Connection, video: Row, reference: Reference) -> bool:
    """Ready, and brought earlier: so that a replay, after others have come, finds the same."""
    if reference.in_corpus:
        return True
    row = find(connection, "videos", {"video_id": reference.video_id})
    return (
        row is not None
        and row["status"] == "ready"
        and (row["created"], row["video_id"]) < (video["created"], video["video_id"])
    )


def held_matches(video_id: str) -> list[dict[str, Any]]:
    """The video's rows of `matches`."""
    rows: list[dict[str, Any]] = lake().read("matches", where={"video_id": video_id}).to_pylist()
    return rows


def write_matches(video_id: str, segments: Iterable[Segment]) -> list[dict[str, Any]]:
    """Make the segments the only rows of the video in `matches`; no commit where they are. Returns the rows."""
    rows = [
        {**asdict(segment), "video_id": video_id, "reference_video_id": segment.video_id}
        for segment in segments
    ]
    lake().replace("matches", scope={"video_id": video_id}, rows=rows)
    return held_matches(video_id)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage; next is `reject` where the video was there as a whole, else `encode`."""
    arguments = stage_arguments(argv)
    with stage_attempt("match", arguments) as attempt:
        video_id = arguments.video
        with connect() as connection:
            video = find(connection, "videos", {"video_id": video_id})
            if video is None:
                raise NotFoundError(
                    f"video {video_id} is not in PostgreSQL: it was never brought, or was deleted"
                )
            if video["status"] in FINAL_STATUSES:
                rows = held_matches(video_id)  # its answer stands, whatever came since
            else:
                prints = lake().read("fingerprints", where={"video_id": video_id}).to_pylist()
                duration_s = max((row["position_s"] for row in prints), default=0.0) + SAMPLE_S
                before = partial(_came_before, connection, video)
                rows = write_matches(video_id, find_segments(prints, duration_s, before, video_id))
            wholes = sorted(row["reference_video_id"] for row in standing_wholes(connection, video_id, rows))
        attempt.rows = len(rows)
        attempt.next = ["reject"] if wholes else ["encode"]
        attempt.detail = f"the same as {wholes[0]}" if wholes else f"{len(rows)} shared segments"


if __name__ == "__main__":
    main()
