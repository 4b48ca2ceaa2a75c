"""Parser of queries: one read-only statement, over tables at any version."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from schemas.errors import InputError
from stores.delta.question import Source, parse_question

TABLES = {"videos", "views", "users"}
DAY = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "select * from videos;",
        "  -- why\n/* really */ WITH v AS (SELECT 1) SELECT * FROM v",
        "(SELECT 1) UNION (SELECT 2)",
        "VALUES (1)",
        "EXPLAIN SELECT 1",
        "explain analyze verbose select 1",
        "EXPLAIN FORMAT TREE SELECT 1",
        "DESCRIBE videos",
        "SELECT 'a; DROP TABLE videos' AS text",
        'SELECT "copy" FROM videos',
    ],
)
def test_what_reads_is_left_as_it_is(sql: str) -> None:
    assert parse_question(sql, TABLES).sql == sql


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO videos VALUES (1)",
        "DROP TABLE videos",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "EXPLAIN COPY (SELECT 1) TO '/tmp/x.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/x.csv'",
        "explain /* SELECT */ analyze -- SELECT\n copy (select 1) to '/tmp/x.csv'",
        "EXPLAIN FORMAT SELECT COPY (SELECT 1) TO '/tmp/x.csv'",
        "EXPLAIN FORMAT TREE INSERT INTO videos VALUES (1)",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "SET datafusion.runtime.memory_limit = '1T'",
        "SELECT 1; DROP TABLE videos",
        "SHOW ALL",
        "EXPLAIN",
        "-- nothing",
        "",
    ],
)
def test_what_does_more_than_read_is_refused(sql: str) -> None:
    with pytest.raises(InputError, match=r"only reads|one at a time"):
        parse_question(sql, TABLES)


@pytest.mark.parametrize(
    ("sql", "as_of"),
    [
        ("SELECT * FROM videos AS OF 12", 12),
        ("SELECT * FROM videos VERSION AS OF 12", 12),
        ("SELECT * FROM Videos as of '2026-11-20'", DAY),
        ("SELECT * FROM \"videos\" AS OF TIMESTAMP '2026-11-20 01:00:00+01:00'", DAY),
        ("SELECT * FROM videos TIMESTAMP AS OF '2026-11-20T00:00:00Z' WHERE views > 1", DAY),
        ("SELECT * FROM videos FOR SYSTEM_TIME AS OF '2026-11-20' ORDER BY title", DAY),
        ("SELECT * FROM videos -- then\n AS /* of */ OF 12 LIMIT 1", 12),
    ],
)
def test_a_table_as_it_was_keeps_its_name(sql: str, as_of: int | datetime) -> None:
    found = parse_question(sql, TABLES)
    [(name, source)] = [item for item in found.sources.items() if item[1].table == "videos"]
    assert source == Source("videos", as_of)
    assert re.search(rf'FROM "{re.escape(name)}" AS "videos"', found.sql)
    assert "AS OF" not in found.sql.upper().replace(name.upper(), "")


def test_an_alias_is_kept_and_both_ends_of_a_time_may_be_asked_for() -> None:
    found = parse_question(
        "SELECT n.views - o.views FROM videos n JOIN videos AS OF '2026-11-20' AS o USING (video_id) "
        "JOIN views AS OF 3 w ON w.video_id = n.video_id",
        TABLES,
    )
    assert set(found.sources.values()) >= {Source("videos"), Source("videos", DAY), Source("views", 3)}
    assert re.search(r'JOIN "videos as of [^"]*"\s+AS o USING', found.sql)
    assert re.search(r'JOIN "views as of 3"\s+w ON', found.sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM videos AS OF",
        "SELECT * FROM videos AS OF yesterday",
        "SELECT * FROM videos AS OF 'yesterday'",
        "SELECT * FROM videos AS OF '2026-13-01'",
    ],
)
def test_a_time_that_is_none_is_said_to_be_none(sql: str) -> None:
    with pytest.raises(InputError, match="AS OF"):
        parse_question(sql, TABLES)


def test_a_column_may_be_called_of() -> None:
    sql = "SELECT title AS of FROM videos"
    assert parse_question(sql, TABLES).sql == sql
