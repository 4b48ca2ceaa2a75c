"""Who was active, counted: pure functions from `activity` and `users` to `active_users_daily` and `retention`."""

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


def active_users(activity: DataFrame, days: list[date]) -> DataFrame:
    """Rows of `active_users_daily` for some days. A surface on which nobody was active in the month has no row.

    Exact counts beside HyperLogLog sketches (Flajolet et al. 2007, as Apache DataSketches has it), which may be merged
    over days and surfaces by whoever reads the table, without the users.
    """
    return reduce(lambda one, other: one.unionByName(other), (_of_day(activity, day) for day in days))


def _of_day(activity: DataFrame, day: date) -> DataFrame:
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
    daily = _in_order(seen, ["surface", "day"], "user_id").agg(
        F.hll_sketch_agg("user_id", F.lit(SKETCH_LOG2_SIZE)).alias("of_day")
    )
    # Sketches of days, merged: what the estimate shows is what a reader of the table gets who merges them.
    sketches = _in_order(daily, ["surface"], "day").agg(
        F.hll_union_agg(F.when(today, F.col("of_day"))).alias("sketch"),
        F.hll_sketch_estimate(F.hll_union_agg(F.when(week, F.col("of_day")))).alias("users_7d_estimate"),
        F.hll_sketch_estimate(F.hll_union_agg("of_day")).alias("users_30d_estimate"),
    )
    return exact.join(sketches, on="surface", how="inner").withColumn("day", F.lit(day))


def _in_order(rows: DataFrame, group: list[str], order: str) -> GroupedData:
    """Groups whose rows are taken in an order: a sketch's bytes depend on it, and a repeat must make the same ones."""
    return rows.repartition(*group).sortWithinPartitions(*group, order).groupBy(*group)


def retention(users: DataFrame, activity: DataFrame, days: list[date]) -> DataFrame:
    """Rows of `retention` that some days settle: each of them is so many days after each cohort of the month before."""
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
