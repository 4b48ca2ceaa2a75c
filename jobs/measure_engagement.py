"""Stage `measure`: engagement, active users and retention of a day, and of earlier days whose input has changed.

A late event, a withdrawn like or a deleted comment changes the figures of a past day. Rows of a measured day carry
checksums of their input, so that only changed days are measured again. Idempotent: a second run changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.engagement.active_users import MONTH_DAYS, compute_retention, count_active_users
from jobs.engagement.videos import compute_engagement
from jobs.spark.commits import commit_with_retry
from jobs.spark.session import spark_session
from schemas.derive.arrow import arrow_schema
from schemas.table import Table
from schemas.tables.activity import ACTIVE_USERS_DAILY, RETENTION
from schemas.tables.engagement import ENGAGEMENT_DAILY
from stores.delta import lake
from stores.quality import check_rows
from stores.stage import stage_arguments, stage_attempt

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MAX_CHANGED_DAYS = 62
"""Changed days that one run measures again, newest first; the next run continues with the others."""

CHANGED_ENGAGEMENT = """
    WITH made AS (
        SELECT CAST(created AS DATE) AS day, last_event_id FROM views
        UNION ALL SELECT CAST(created AS DATE), last_event_id FROM reactions
        UNION ALL SELECT CAST(creation_time AS DATE), last_event_id FROM comments
    ), now AS (SELECT day, sum(last_event_id) AS ids FROM made GROUP BY day),
    measured AS (SELECT day, sum(event_id_sum) AS ids FROM engagement_daily GROUP BY day)
    SELECT measured.day FROM measured LEFT JOIN now ON now.day = measured.day
    WHERE now.ids IS DISTINCT FROM measured.ids ORDER BY measured.day
"""
CHANGED_ACTIVITY = """
    WITH now AS (SELECT day, surface, count(*) AS users FROM activity GROUP BY day, surface),
    measured AS (SELECT day, surface, users FROM active_users_daily WHERE surface <> 'all')
    SELECT DISTINCT now.day FROM now LEFT JOIN measured ON now.day = measured.day AND now.surface = measured.surface
    WHERE (now.users IS DISTINCT FROM measured.users)
    AND now.day >= (SELECT coalesce(min(day), DATE '9999-12-31') FROM measured) ORDER BY now.day
"""
MEASURED_ACTIVITY = "SELECT DISTINCT day FROM active_users_daily ORDER BY day"


def measure(run_id: str, day: date) -> tuple[int, list[date]]:
    """Measure a day and earlier days that changed; returns the rows written and the days of engagement measured."""
    spark = spark_session("newsreel measure_engagement")
    engaged = _choose_days(day, _query_days(CHANGED_ENGAGEMENT))
    rows = compute_engagement(
        _read_table(spark, "views"), _read_table(spark, "reactions"), _read_table(spark, "comments"), engaged
    )
    written = _replace_scope(run_id, ENGAGEMENT_DAILY, _format_condition("day", engaged), rows)

    activity = _read_table(spark, "activity")
    active = _choose_days(day, _find_affected_days(_query_days(CHANGED_ACTIVITY)))
    written += _replace_scope(
        run_id, ACTIVE_USERS_DAILY, _format_condition("day", active), count_active_users(activity, active)
    )
    settled = f"date_add(cohort, CAST(days_after AS INT)) IN ({_format_dates(active)})"
    written += _replace_scope(
        run_id, RETENTION, settled, compute_retention(_read_table(spark, "users"), activity, active)
    )
    return written, engaged


def _choose_days(day: date, changed: list[date]) -> list[date]:
    """The day and the changed days before it, at most the newest MAX_CHANGED_DAYS of these."""
    return sorted({day, *sorted(earlier for earlier in changed if earlier < day)[-MAX_CHANGED_DAYS:]})


def _find_affected_days(changed: list[date]) -> list[date]:
    """Measured days with a changed day among the 30 days that end with them."""
    measured = _query_days(MEASURED_ACTIVITY)
    return [day for day in measured if any(0 <= (day - other).days < MONTH_DAYS for other in changed)]


def _query_days(query: str) -> list[date]:
    days: list[date] = lake().query(query)["day"].to_pylist()
    return days


def _replace_scope(run_id: str, declared: Table, scope: str, rows: DataFrame) -> int:
    """Replace the rows that satisfy the condition `scope`; no commit if nothing changes. Returns the rows written."""
    spark = rows.sparkSession
    order = [(name, "ascending") for name in declared.key]
    schema = pa.schema([field.remove_metadata() for field in arrow_schema(declared)])
    new = rows.select(declared.column_names).toArrow().cast(schema).sort_by(order)
    current = _read_table(spark, declared.name).where(scope).toArrow().cast(schema).sort_by(order)
    if new.equals(current):
        return 0
    check_rows(run_id, declared.name, new)
    writer = spark.createDataFrame(new).write.format("delta").mode("overwrite").option("replaceWhere", scope)
    commit_with_retry(declared.name, lambda: writer.save(lake().location(declared.name)))
    return int(new.num_rows)


def _read_table(spark: SparkSession, name: str) -> DataFrame:
    return spark.read.format("delta").load(lake().location(name))


def _format_condition(column: str, days: list[date]) -> str:
    return f"{column} IN ({_format_dates(days)})"


def _format_dates(days: list[date]) -> str:
    return ", ".join(f"DATE '{day.isoformat()}'" for day in days)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = stage_arguments(argv)
    day = arguments.day
    with stage_attempt("measure", arguments, opens=True, waits_s=600) as attempt:
        attempt.rows, days = measure(arguments.run_id, day)
        attempt.detail = f"{attempt.rows} rows written; engagement of {', '.join(map(str, days))}"


if __name__ == "__main__":
    main()
