"""One real Spark session for all tests of jobs, and events as the outbox writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from jobs.spark.jars import resolve
from jobs.spark.session import spark_session
from schemas.settings import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The session that the jobs' own code uses as well, with a HOME of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEWSREEL_HOME", str(tmp_path_factory.mktemp("spark")))
        patch.delenv("NEWSREEL_SPARK_MASTER", raising=False)
        settings.cache_clear()
        resolve()
        session = spark_session("tests")
    settings.cache_clear()
    yield session
    session.stop()
