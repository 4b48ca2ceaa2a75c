"""Two attempts of one refresh that overlap: the later commit of the two is refused, and no row is there twice.

So it goes when an attempt is stopped (SIGSTOP), or takes longer than a fence is waited for, and goes on afterwards.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from jobs import refresh_tables
from jobs.refresh.changes import Changes
from jobs.refresh_tables import refresh
from jobs.spark import merge
from schemas.settings import settings
from stores.delta import Lake
from stores.delta.commits import OutdatedError, require_row_version
from stores.outbox import upsert_row
from stores.postgres import connect
from tests.outbox import drain_all

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ARROW, SPARK = "1000000", "0"
SESSIONS = 5

pytestmark = pytest.mark.usefixtures("database_url")


def add_views(tables: Lake, *sessions: int) -> None:
    with connect() as connection:
        for number in sessions:
            key = {"video_id": "v", "user_id": "u", "session_id": f"s{number}"}
            upsert_row(connection, "views", key, {"watched_s": float(number), "created": AT})
    with connect() as connection:
        drain_all(connection, tables)


def write_with(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    monkeypatch.setenv("NEWSREEL_REFRESH_SMALL_EVENTS", engine)
    settings.cache_clear()


@pytest.fixture
def stopped_before_write(monkeypatch: pytest.MonkeyPatch, tables: Lake) -> list[Changes]:
    """Changes that an attempt computed before it was stopped: it has written nothing yet."""
    add_views(tables, *range(SESSIONS))
    stopped: list[Changes] = []
    with monkeypatch.context() as patch:
        patch.setattr(refresh_tables, "_write", lambda changes, _run_id: stopped.append(changes))
        patch.setattr(Lake, "append_once", lambda *_args, **_named: False)
        refresh("stopped")
    assert [changes.declared.name for changes in stopped] == ["views"]
    return stopped


@pytest.mark.parametrize(
    ("second", "first"), [(ARROW, ARROW), (ARROW, SPARK), (SPARK, ARROW), (SPARK, SPARK)]
)
def test_what_was_computed_before_another_attempt_wrote_is_not_written(
    spark: SparkSession,
    tables: Lake,
    stopped_before_write: list[Changes],
    monkeypatch: pytest.MonkeyPatch,
    first: str,
    second: str,
) -> None:
    write_with(monkeypatch, second)
    assert refresh("second attempt") == SESSIONS
    write_with(monkeypatch, first)
    with pytest.raises(OutdatedError, match="its rows were changed by another writer"):
        refresh_tables._write(stopped_before_write[0], "first attempt")
    assert tables.read("views")["session_id"].to_pylist() == [f"s{number}" for number in range(SESSIONS)]


def test_spark_skips_a_commit_whose_row_version_was_taken_while_it_computed(
    spark: SparkSession, tables: Lake, stopped_before_write: list[Changes], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_with(monkeypatch, SPARK)
    checks: list[tuple[Any, ...]] = []

    def overtaken_after_check(*given: Any) -> Any:
        checks.append(given)
        if len(checks) > 1:
            return require_row_version(*given)
        with monkeypatch.context() as patch:
            patch.setattr(merge, "require_row_version", require_row_version)
            patch.setenv("NEWSREEL_REFRESH_SMALL_EVENTS", ARROW)
            settings.cache_clear()
            refresh("second attempt")
        settings.cache_clear()
        return None

    monkeypatch.setattr(merge, "require_row_version", overtaken_after_check)
    with pytest.raises(OutdatedError):
        refresh_tables._write(stopped_before_write[0], "first attempt")
    assert tables.read("views").num_rows == SESSIONS


def test_a_refresh_that_another_one_disturbs_computes_again_and_misses_nothing(
    tables: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_views(tables, 1, 2)
    write, disturbed = refresh_tables._write, list[str]()

    def disturbed_once(changes: Changes, run_id: str) -> None:
        if not disturbed:
            disturbed.append(run_id)
            write(changes, "another attempt")
            add_views(tables, 3)
        write(changes, run_id)

    monkeypatch.setattr(refresh_tables, "_write", disturbed_once)
    assert refresh("disturbed") == 0
    assert refresh("next") == 1
    assert tables.read("views")["session_id"].to_pylist() == ["s1", "s2", "s3"]


def test_a_compaction_in_between_outdates_nothing(tables: Lake, stopped_before_write: list[Changes]) -> None:
    tables.open("views").optimize.compact()
    refresh_tables._write(stopped_before_write[0], "first attempt")
    assert tables.read("views").num_rows == SESSIONS
