"""`python -m streaming.consumers [NAME...]`: run outbox consumers, all or those named, until killed.

Each consumer has its own cursor in the outbox. Several of these processes may run: for each consumer one of them reads,
the others stand by (advisory lock).
Tests: tests/newsreel/embedded/test_stack.py, tests/e2e/test_main_job.py.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime

import psycopg

from schemas.errors import DependencyError, NewsreelError, NotFoundError
from schemas.settings import settings
from stores.delta import lake
from stores.outbox.partitions import maintain_partitions
from stores.postgres import Connection, connect
from stores.stage import die_with_parent
from streaming.consumers import cache_invalidator, dag_starter, lake_sink
from streaming.consumers.airflow_client import AirflowClient
from streaming.consumers.cache_invalidator import CacheInvalidator
from streaming.consumers.consumer import Consumer
from streaming.consumers.dag_starter import DagStarter
from streaming.consumers.lake_sink import LakeSink

NAMES = (cache_invalidator.CONSUMER, dag_starter.CONSUMER, lake_sink.CONSUMER)
_POLL_S = 0.1


def main(argv: Sequence[str] | None = None) -> int:
    """Consume until killed; exit 3 without PostgreSQL, the lake or Airflow's URL."""
    parser = argparse.ArgumentParser(
        prog="python -m streaming.consumers", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"one of {', '.join(NAMES)}; default: all")
    arguments = parser.parse_args(argv)
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"unknown consumer {', '.join(sorted(unknown))}: must be one of {', '.join(NAMES)}")
    die_with_parent()
    try:
        lake().ensure()
        with connect() as connection:
            _consume(connection, _build_consumers(arguments.names or NAMES, connection))
    except psycopg.OperationalError as error:
        print(f"error: connection to PostgreSQL lost: {' '.join(str(error).split())}", file=sys.stderr)
        return DependencyError.exit_code
    except NewsreelError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return error.exit_code
    return 0


def _build_consumers(names: Sequence[str], connection: Connection) -> list[Consumer]:
    """The consumers in the order of NAMES: those that people wait for come first."""
    consumers: list[Consumer] = []
    if cache_invalidator.CONSUMER in names:
        consumers.append(CacheInvalidator(connection))
    if dag_starter.CONSUMER in names:
        consumers.append(DagStarter(connection, _connect_airflow()))
    if lake_sink.CONSUMER in names:
        consumers.append(LakeSink(connection, _connect_airflow()))
    return consumers


def _connect_airflow() -> AirflowClient:
    url = settings().airflow_url
    if url is None:
        raise DependencyError(
            "NEWSREEL_AIRFLOW_URL is not set: set it to the URL of Airflow's REST API, "
            "https://USER:PASSWORD@HOST, or start this through `newsreel up`"
        )
    return AirflowClient(url.get_secret_value())


def _consume(connection: Connection, consumers: Sequence[Consumer]) -> None:
    partitions_kept: date | None = None
    due_s = dict.fromkeys(consumers, 0.0)
    while True:
        if (today := datetime.now(UTC).date()) != partitions_kept:
            maintain_partitions(connection, today)
            partitions_kept = today
        for consumer in consumers:
            if time.monotonic() < due_s[consumer]:
                continue
            due_s[consumer] = time.monotonic() + consumer.every_s
            try:
                consumer.consume()
            except (DependencyError, NotFoundError) as error:
                # Airflow may start later than this process, or restart: the event stays, the next turn retries.
                print(f"{consumer.name}: will retry: {error.detail}", flush=True)
        time.sleep(_POLL_S)


if __name__ == "__main__":
    sys.exit(main())
