"""Active users and retention: pure functions from `activity` and `users` to `active_users_daily` and `retention`.

Tests: tests/jobs/test_measure_engagement.py.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - the name that all of Spark's documentation uses

from schemas.surfaces import EVERYWHERE
from schemas.tables.activity import SKETCH_LOG2_SIZE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, GroupedData

WEEK_DAYS, MONTH_DAYS = 7, 30


def count_active_users(activity: DataFrame, days: list[date]) -> DataFrame:
    """Rows of `active_users_daily` for the given days. A surface without an active user in the month has no row.

    Exact counts beside HyperLogLog sketches (Flajolet et al. 2007, as implemented by Apache DataSketches), which
    readers of the table can merge over days and surfaces without knowing the users.
    """
    return reduce(lambda one, other: one.unionByName(other), (_count_day(activity, day) for day in days))


def _count_day(activity: DataFrame, day: date) -> DataFrame:
    month = activity.where(F.col("day").between(day - timedelta(days=MONTH_DAYS - 1), day))
    seen = month.select(
        "user_id", "day", F.explode(F.array("surface", F.lit(EVERYWHERE))).alias("surface")
    ).distinct()
    today = F.col("day") == F.lit(day)
    week = F.col("day") > F.lit(day - timedelta(days=WEEK_DAYS))
    exact = seen.groupBy("surface").agg(
        F.countDistinct(F.when(today, F.col("user_id"))).alias("users"),
        F.countDistinct(F.when(week, F.col("user_id"))).alias("users_7d"),
        F.countDistinct("user_id").alias("users_30d"),
    )
    daily = _group_in_order(seen, ["surface", "day"], "user_id").agg(
        F.hll_sketch_agg("user_id", F.lit(SKETCH_LOG2_SIZE)).alias("day_sketch")
    )
    # Estimates come from the merged daily sketches, so that a reader who merges them gets the same numbers.
    sketches = _group_in_order(daily, ["surface"], "day").agg(
        F.hll_union_agg(F.when(today, F.col("day_sketch"))).alias("sketch"),
        F.hll_sketch_estimate(F.hll_union_agg(F.when(week, F.col("day_sketch")))).alias("users_7d_estimate"),
        F.hll_sketch_estimate(F.hll_union_agg("day_sketch")).alias("users_30d_estimate"),
    )
    return exact.join(sketches, on="surface", how="inner").withColumn("day", F.lit(day))


def _group_in_order(rows: DataFrame, group: list[str], order: str) -> GroupedData:
    """Groups whose rows are aggregated in sorted order, on which a sketch's bytes depend: a rerun gives the same."""
    return rows.repartition(*group).sortWithinPartitions(*group, order).groupBy(*group)


def compute_retention(users: DataFrame, activity: DataFrame, days: list[date]) -> DataFrame:
    """Rows of `retention` that the given days complete: for each day one row per cohort of the 30 days before it."""
    cohorts = users.select("user_id", F.col("created").cast("date").alias("cohort"))
    later = users.sparkSession.createDataFrame([(day,) for day in days], "day date")
    active = activity.select("user_id", "day").distinct().withColumn("was_active", F.lit(1))
    return (
        cohorts.join(
            later, on=F.col("day").between(F.col("cohort"), F.date_add("cohort", MONTH_DAYS)), how="inner"
        )
        .join(active, on=["user_id", "day"], how="left")
        .groupBy("cohort", F.date_diff("day", "cohort").cast("long").alias("days_after"))
        .agg(F.count("*").alias("users"), F.count("was_active").alias("active"))
    )
