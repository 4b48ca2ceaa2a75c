"""Runs of pictures that two videos share at one offset: all pictures at it are compared, and neighbours joined.

Tests: tests/jobs/test_match_video.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F  # noqa: N812 - the name that all of Spark's documentation uses

from jobs.matching.samples import SAMPLES_PER_S, hamming

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MATCH_DISTANCE = 60
"""Bits in which two pictures at a voted offset may differ. Looser than for a vote: the sampling grids of the two videos
may be an eighth of a second apart, which in fast motion alone costs 60 bits and more. Unrelated pictures have 94 and
more."""
GAP_SLOTS = SAMPLES_PER_S
"""Consecutive differing pictures that a run may contain: one second."""
EDGE_SLOTS = SAMPLES_PER_S // 2
"""Differing pictures at either end of a file that still count as shared: half a second, the precision of a boundary."""

MATCH, FLAT, OTHER = 0, 1, 2
"""Result of comparing a pair of pictures: similar; both too flat, hence no evidence; different."""


def find_shared_runs(query: DataFrame, corpus: DataFrame, offsets: DataFrame) -> DataFrame:
    """Samples of one video, of its references, and (video_id, offset_slots) -> runs of shared pictures.

    Columns: video_id, offset_slots, offset_s, start_s, end_s, matched, differing, mean_distance, spread. Times are on
    the query's clock; the last picture begins at `end_s`; `spread`: maximum bits between the first picture and another.
    """
    return _group_runs(_compare_pictures(query, corpus, offsets))


def _compare_pictures(query: DataFrame, corpus: DataFrame, offsets: DataFrame) -> DataFrame:
    """Each query picture with the most similar reference picture at the offset or an adjacent slot."""
    pictures = query.select(
        F.col("slot").alias("query_slot"),
        F.col("position_s").alias("query_s"),
        F.col("words").alias("query_words"),
        F.col("trusted").alias("query_trusted"),
    ).crossJoin(F.broadcast(offsets))
    adjacent = F.array(*(F.lit(step) for step in (-1, 0, 1)))
    distance = hamming(F.col("query_words"), F.col("words"))
    state = (
        F.when(~F.col("query_trusted") & ~F.col("trusted"), FLAT)
        .when(distance <= MATCH_DISTANCE, MATCH)
        .otherwise(OTHER)
    )
    best = F.min(
        F.struct(
            "state",
            "distance",
            F.abs("step").alias("aside"),
            (F.col("position_s") - F.col("query_s")).alias("by_s"),
        )
    )
    return (
        pictures.withColumn("step", F.explode(adjacent))
        .withColumn("slot", F.col("query_slot") + F.col("offset_slots") + F.col("step"))
        .join(
            corpus.select("video_id", "slot", "position_s", "words", "trusted"),
            on=["video_id", "slot"],
            how="inner",
        )
        .withColumn("distance", distance)
        .withColumn("state", state)
        .groupBy("video_id", "offset_slots", "query_slot", "query_s", "query_words")
        .agg(best.alias("best"))
        .select("video_id", "offset_slots", "query_s", "query_words", "best.*")
    )


def _group_runs(compared: DataFrame) -> DataFrame:
    """Gaps and islands: a run continues while at most GAP_SLOTS consecutive pictures differ; flat ones are skipped."""
    at_offset = Window.partitionBy("video_id", "offset_slots")
    so_far = at_offset.orderBy("query_s").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    in_order = at_offset.orderBy("query_s")
    differs = (F.col("state") == OTHER).cast("long")
    starts = F.coalesce(F.col("differing") - F.lag("differing").over(in_order) > GAP_SLOTS, F.lit(True))
    run = Window.partitionBy("video_id", "offset_slots", "run")
    in_run = run.orderBy("query_s").rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    until_start, until_end = F.min("differing"), F.max("differing")
    # Only flat or a few differing pictures up to the start or end of the file: these are shared as well.
    from_edge = until_start <= EDGE_SLOTS
    to_edge = F.first("differing_in_all") - until_end <= EDGE_SLOTS
    return (
        compared.withColumn("differing", F.sum(differs).over(so_far))
        .withColumn("differing_in_all", F.sum(differs).over(at_offset))
        .withColumn("first_s", F.min("query_s").over(at_offset))
        .withColumn("last_s", F.max("query_s").over(at_offset))
        .where(F.col("state") == MATCH)
        .withColumn("run", F.sum(starts.cast("long")).over(so_far))
        .withColumn("from_first", hamming(F.col("query_words"), F.first("query_words").over(in_run)))
        .groupBy("video_id", "offset_slots", "run")
        .agg(
            F.median("by_s").alias("offset_s"),
            F.when(from_edge, F.first("first_s")).otherwise(F.min("query_s")).alias("start_s"),
            F.when(to_edge, F.first("last_s")).otherwise(F.max("query_s")).alias("end_s"),
            F.count(F.lit(1)).alias("matched"),
            (until_end - until_start).alias("differing"),
            F.avg("distance").alias("mean_distance"),
            F.max("from_first").alias("spread"),
        )
        .drop("run")
    )
