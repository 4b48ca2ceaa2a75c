"""Stage `measure`: a day's engagement, active users and retention; and again each earlier day whose rows have changed.

A late event, a like that is taken back, a comment that is deleted change what a day shows. What a measured day was made
of is told by sums in its rows, so that only days that have changed are measured again. Running again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.engagement.active_users import MONTH_DAYS, active_users, retention
from jobs.engagement.videos import engagement
from jobs.spark.commits import committed
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

MOST_DAYS = 62
"""Changed days that one run measures again, the newest of them; the next run goes on."""

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
    """Measure a day and what has changed before it; returns the rows written, and the days of engagement."""
    spark = spark_session("newsreel measure_engagement")
    engaged = _days(day, _asked(CHANGED_ENGAGEMENT))
    rows = engagement(_table(spark, "views"), _table(spark, "reactions"), _table(spark, "comments"), engaged)
    written = _replace(run_id, ENGAGEMENT_DAILY, _within("day", engaged), rows)

    activity = _table(spark, "activity")
    active = _days(day, _with_their_months(_asked(CHANGED_ACTIVITY)))
    written += _replace(run_id, ACTIVE_USERS_DAILY, _within("day", active), active_users(activity, active))
    settled = f"date_add(cohort, CAST(days_after AS INT)) IN ({_dates(active)})"
    written += _replace(run_id, RETENTION, settled, retention(_table(spark, "users"), activity, active))
    return written, engaged


def _days(day: date, changed: list[date]) -> list[date]:
    """The day and the changed ones before it, the newest if these are too many."""
    return sorted({day, *sorted(found for found in changed if found < day)[-MOST_DAYS:]})


def _with_their_months(changed: list[date]) -> list[date]:
    """Measured days whose month, that ends with them, has a changed day in it."""
    measured = _asked(MEASURED_ACTIVITY)
    return [day for day in measured if any(0 <= (day - found).days < MONTH_DAYS for found in changed)]


def _asked(query: str) -> list[date]:
    found: list[date] = lake().query(query)["day"].to_pylist()
    return found


def _replace(run_id: str, declared: Table, scope: str, rows: DataFrame) -> int:
    """Make the rows the only ones of a scope, a condition; no commit where they are. Returns the rows written."""
    spark = rows.sparkSession
    order = [(name, "ascending") for name in declared.key]
    schema = pa.schema([field.remove_metadata() for field in arrow_schema(declared)])
    made = rows.select(declared.column_names).toArrow().cast(schema).sort_by(order)
    held = _table(spark, declared.name).where(scope).toArrow().cast(schema).sort_by(order)
    if made.equals(held):
        return 0
    check_rows(run_id, declared.name, made)
    written = (
        spark.createDataFrame(made).write.format("delta").mode("overwrite").option("replaceWhere", scope)
    )
    committed(declared.name, lambda: written.save(lake().location(declared.name)))
    return int(made.num_rows)


def _table(spark: SparkSession, name: str) -> DataFrame:
    return spark.read.format("delta").load(lake().location(name))


def _within(column: str, days: list[date]) -> str:
    return f"{column} IN ({_dates(days)})"


def _dates(days: list[date]) -> str:
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
