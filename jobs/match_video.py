"""Stage `match`: finds the segments that a video shares with earlier ones. A whole match makes it a duplicate.

Unless an operator has decided otherwise (`match_decisions`): then the match is recorded, and ingest continues.

The corpus consists of earlier ready videos and of what `newsreel fingerprint` added. If any picture of it is similar
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
from jobs.matching.screening import may_share_pictures
from jobs.matching.segments import Run, Segment, build_identical_segment, choose_segments, sort_best_first
from jobs.spark.session import spark_session
from schemas.derive.arrow import arrow_schema
from schemas.errors import NotFoundError
from schemas.tables import table
from schemas.tables.videos import FINAL_STATUSES
from stores.delta import lake
from stores.match_decisions import select_duplicates
from stores.outbox import find_row
from stores.postgres import Connection, connect
from stores.stage import stage_arguments, stage_attempt

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Reference:
    """A video that may share pictures with the query, as the lake's fingerprints describe it."""

    video_id: str
    duration_s: float
    in_corpus: bool
    digests: frozenset[str]


def match_fingerprints(rows: Sequence[Row], duration_s: float) -> list[dict[str, Any]]:
    """Segments that a file shares with ready videos or the corpus, best first, as `newsreel match --json` prints them.

    `rows`: fingerprints as the table declares them; their video id is ignored. Starts no Spark if there is nothing to
    compare. Raises DependencyError if Spark or PostgreSQL is missing.
    """
    lake().ensure()
    with connect() as connection:
        eligible = partial(_is_ready, connection)
        return [asdict(segment) for segment in find_segments(rows, duration_s, eligible)]


def find_segments(
    rows: Sequence[Row], duration_s: float, eligible: Callable[[Reference], bool], video_id: str | None = None
) -> list[Segment]:
    """Segments that a video's fingerprints share with eligible references, best first.

    `video_id` is never compared with itself. `duration_s` bounds the times; the last picture may be earlier.
    """
    if not rows:
        return []
    end_s = min(duration_s, max(row["position_s"] for row in rows) + SAMPLE_S)
    same = [
        reference
        for reference in map(_read_reference, _list_videos_with(rows[0]["sha256"]))
        if reference.video_id != video_id and eligible(reference)
    ]
    found = [build_identical_segment(reference.video_id, end_s) for reference in same]
    if may_share_pictures(
        rows, but=[*(reference.video_id for reference in same), *([video_id] if video_id else [])]
    ):
        spark = spark_session("newsreel match")
        corpus = spark.read.format("delta").load(lake().location("fingerprints"))
        if video_id is not None:
            corpus = corpus.where(corpus["video_id"] != video_id)
        identical_ids = {reference.video_id for reference in same}
        runs, durations_s = match_rows(
            spark,
            rows,
            corpus,
            lambda reference: reference.video_id not in identical_ids and eligible(reference),
        )
        found += choose_segments(runs, end_s, durations_s)
    return sort_best_first(found)


def match_rows(
    spark: SparkSession, rows: Iterable[Row], corpus: DataFrame, eligible: Callable[[Reference], bool]
) -> tuple[list[Run], dict[str, float]]:
    """Runs of pictures that `rows` share with eligible videos of `corpus`; those videos' durations in seconds."""
    from jobs.matching.candidates import find_candidate_offsets
    from jobs.matching.runs import find_shared_runs
    from jobs.matching.samples import to_samples

    query = to_samples(spark.createDataFrame(_build_query(rows)))
    offsets = find_candidate_offsets(query, to_samples(corpus)).toArrow().to_pylist()
    proposed = map(_read_reference, sorted({offset["video_id"] for offset in offsets}))
    references = {reference.video_id: reference for reference in proposed if eligible(reference)}
    if not references:
        return [], {}
    # Offset 0 is always compared: for a still picture all offsets get the same number of votes.
    wanted = {(name, 0) for name in references} | {
        (offset["video_id"], offset["offset_slots"]) for offset in offsets if offset["video_id"] in references
    }
    pairs = spark.createDataFrame(sorted(wanted), "video_id string, offset_slots long")
    named = to_samples(corpus.where(corpus["video_id"].isin(sorted(references))))
    runs = find_shared_runs(query, named, pairs).toArrow().to_pylist()
    return (
        [Run(**{name: run[name] for name in Run.__dataclass_fields__}) for run in runs],
        {reference.video_id: reference.duration_s for reference in references.values()},
    )


def _build_query(rows: Iterable[Row]) -> pa.Table:
    wanted = [
        field for field in arrow_schema(table("fingerprints")) if field.name not in ("origin", "sha256")
    ]
    schema = pa.schema([field.remove_metadata() for field in wanted])
    picked = [{**{name: row.get(name) for name in schema.names}, "video_id": ""} for row in rows]
    return pa.Table.from_pylist(picked, schema=schema)


def _read_reference(video_id: str) -> Reference:
    held = lake().read(
        "fingerprints", columns=["position_s", "origin", "sha256"], where={"video_id": video_id}
    )
    return Reference(
        video_id,
        duration_s=max(held.column("position_s").to_pylist(), default=0.0) + SAMPLE_S,
        in_corpus="corpus" in held.column("origin").to_pylist(),
        digests=frozenset(held.column("sha256").to_pylist()),
    )


def _list_videos_with(sha256: str) -> list[str]:
    held = lake().read("fingerprints", columns=["video_id"], where={"sha256": sha256})
    return sorted(set(held.column("video_id").to_pylist()))


def _is_ready(connection: Connection, reference: Reference) -> bool:
    if reference.in_corpus:
        return True
    row = find_row(connection, "videos", {"video_id": reference.video_id})
    return row is not None and row["status"] == "ready"


def _is_ready_and_earlier(connection: Connection, video: Row, reference: Reference) -> bool:
    """Whether the reference is ready and was created earlier: a replay then finds the same, whatever came later."""
    if reference.in_corpus:
        return True
    row = find_row(connection, "videos", {"video_id": reference.video_id})
    return (
        row is not None
        and row["status"] == "ready"
        and (row["created"], row["video_id"]) < (video["created"], video["video_id"])
    )


def read_matches(video_id: str) -> list[dict[str, Any]]:
    """Rows of `matches` of the video."""
    rows: list[dict[str, Any]] = lake().read("matches", where={"video_id": video_id}).to_pylist()
    return rows


def write_matches(video_id: str, segments: Iterable[Segment]) -> list[dict[str, Any]]:
    """Replace the video's rows of `matches` with the segments; returns them. No commit if nothing changes."""
    rows = [
        {**asdict(segment), "video_id": video_id, "reference_video_id": segment.video_id}
        for segment in segments
    ]
    lake().replace("matches", scope={"video_id": video_id}, rows=rows)
    return read_matches(video_id)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage; the next one is `reject` if the whole video matches an earlier one, else `encode`."""
    arguments = stage_arguments(argv)
    with stage_attempt("match", arguments) as attempt:
        video_id = arguments.video
        with connect() as connection:
            video = find_row(connection, "videos", {"video_id": video_id})
            if video is None:
                raise NotFoundError(
                    f"video {video_id} is not in PostgreSQL: it was never ingested, or was deleted"
                )
            if video["status"] in FINAL_STATUSES:
                rows = read_matches(video_id)  # the result stands, whatever came since
            else:
                prints = lake().read("fingerprints", where={"video_id": video_id}).to_pylist()
                duration_s = max((row["position_s"] for row in prints), default=0.0) + SAMPLE_S
                before = partial(_is_ready_and_earlier, connection, video)
                rows = write_matches(video_id, find_segments(prints, duration_s, before, video_id))
            duplicates_of = sorted(
                row["reference_video_id"] for row in select_duplicates(connection, video_id, rows)
            )
        attempt.rows = len(rows)
        attempt.next = ["reject"] if duplicates_of else ["encode"]
        attempt.detail = (
            f"the same as {duplicates_of[0]}" if duplicates_of else f"{len(rows)} shared segments"
        )


if __name__ == "__main__":
    main()
