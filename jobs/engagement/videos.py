"""How videos were received on a day: pure functions from the tables of what people do to `engagement_daily`."""

from __future__ import annotations

from datetime import date
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - the name that all of Spark's documentation uses

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

COUNTS = ("views", "unique_viewers", "likes", "dislikes", "comments", "watch_time_s", "event_id_sum")


def engagement(views: DataFrame, reactions: DataFrame, comments: DataFrame, days: list[date]) -> DataFrame:
    """Rows of `engagement_daily` for some days: what stands now and began on them. A video with nothing has no row."""
    event_ids = F.sum("last_event_id").alias("event_id_sum")
    parts = [
        _by_video_and_day(
            _on(views, "created", days),
            F.count("*").alias("views"),
            F.countDistinct("user_id").alias("unique_viewers"),
            # In whole milliseconds: sums of floats depend on their order, and a repeat must not change a row.
            (F.sum(F.round(F.col("watched_s") * 1000).cast("long")) / 1000).alias("watch_time_s"),
            event_ids,
        ),
        _by_video_and_day(
            _on(reactions, "created", days),
            F.count_if(F.col("kind") == "like").alias("likes"),
            F.count_if(F.col("kind") == "dislike").alias("dislikes"),
            event_ids,
        ),
        _by_video_and_day(_on(comments, "creation_time", days), F.count("*").alias("comments"), event_ids),
    ]
    together = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)
    return together.groupBy("video_id", "day").agg(
        *(F.coalesce(F.sum(name), F.lit(0)).cast(_type(name)).alias(name) for name in COUNTS)
    )


def _type(name: str) -> str:
    return "double" if name == "watch_time_s" else "long"


def _on(rows: DataFrame, began: str, days: list[date]) -> DataFrame:
    """Rows that began on one of the days, UTC. The span is said apart: files outside of it are not opened."""
    moment = F.col(began)
    inside = (moment >= F.lit(min(days)).cast("timestamp")) & (
        moment < F.date_add(F.lit(max(days)), 1).cast("timestamp")
    )
    return rows.where(inside).withColumn("day", moment.cast("date")).where(F.col("day").isin(days))


def _by_video_and_day(rows: DataFrame, *counts: Column) -> DataFrame:
    return rows.groupBy("video_id", "day").agg(*counts)
