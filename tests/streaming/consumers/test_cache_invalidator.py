"""Servers are told of a comment that another one wrote, by its video, and once at least."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from schemas.channels import VIDEO_CHANGED
from stores.outbox import upsert_row
from stores.outbox.reader import measure_lag, measure_lags
from stores.postgres import Connection, connect
from streaming.consumers.cache_invalidator import CONSUMER, CacheInvalidator

AT = datetime(2026, 11, 26, tzinfo=UTC)


def comment(comment_id: str, video_id: str) -> None:
    row = {"video_id": video_id, "user_id": "u", "text": "so", "creation_time": AT}
    with connect() as connection:
        upsert_row(connection, "comments", {"comment_id": comment_id}, row)


@pytest.mark.usefixtures("tables")
def test_a_comment_is_told_by_its_video_and_passed(connection: Connection, database_url: str) -> None:
    comment("c1", "v1")
    comment("c2", "v2")
    with connect() as other:
        other.execute("DELETE FROM comments WHERE comment_id = 'c2'")
        upsert_row(other, "users", {"user_id": "u"}, {"user_name": "ann", "created": AT})
    with psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute(f"LISTEN {VIDEO_CHANGED.name}".encode())
        assert CacheInvalidator(connection).consume() == 3
        told = [notice.payload for notice in listener.notifies(timeout=60, stop_after=2)]
    assert told == ["v1", "v2"]
    assert measure_lag(connection, CONSUMER) == 0
    assert measure_lags(connection) == {CONSUMER: 0}
    assert CacheInvalidator(connection).consume() == 0
