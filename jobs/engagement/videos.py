"""Daily engagement per video: pure functions from `views`, `reactions` and `comments` to `engagement_daily`.

Tests: tests/jobs/test_measure_engagement.py.
"""

from __future__ import annotations

from datetime import date
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - the name that all of Spark's documentation uses

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

COUNTS = ("views", "unique_viewers", "likes", "dislikes", "comments", "watch_time_s", "event_id_sum")


def compute_engagement(
    views: DataFrame, reactions: DataFrame, comments: DataFrame, days: list[date]
) -> DataFrame:
    """Rows of `engagement_daily` for the given days: current rows by creation day. A video without any has no row."""
    event_ids = F.sum("last_event_id").alias("event_id_sum")
    parts = [
        _aggregate(
            _select_days(views, "created", days),
            F.count("*").alias("views"),
            F.countDistinct("user_id").alias("unique_viewers"),
            # Whole milliseconds: a sum of floats depends on their order, and a rerun must not change a row.
            (F.sum(F.round(F.col("watched_s") * 1000).cast("long")) / 1000).alias("watch_time_s"),
            event_ids,
        ),
        _aggregate(
            _select_days(reactions, "created", days),
            F.count_if(F.col("kind") == "like").alias("likes"),
            F.count_if(F.col("kind") == "dislike").alias("dislikes"),
            event_ids,
        ),
        _aggregate(_select_days(comments, "creation_time", days), F.count("*").alias("comments"), event_ids),
    ]
    combined = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)
    return combined.groupBy("video_id", "day").agg(
        *(F.coalesce(F.sum(name), F.lit(0)).cast(_column_type(name)).alias(name) for name in COUNTS)
    )


def _column_type(name: str) -> str:
    return "double" if name == "watch_time_s" else "long"


def _select_days(rows: DataFrame, created: str, days: list[date]) -> DataFrame:
    """Rows created on one of the days, UTC. The separate range predicate lets Delta skip files outside of it."""
    moment = F.col(created)
    inside = (moment >= F.lit(min(days)).cast("timestamp")) & (
        moment < F.date_add(F.lit(max(days)), 1).cast("timestamp")
    )
    return rows.where(inside).withColumn("day", moment.cast("date")).where(F.col("day").isin(days))


def _aggregate(rows: DataFrame, *counts: Column) -> DataFrame:
    return rows.groupBy("video_id", "day").agg(*counts)
