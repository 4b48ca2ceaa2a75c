"""`python -m streaming.consumers [NAME...]`: run outbox consumers, all of them or those named, until killed.

Each consumer has its own cursor in the outbox. More processes of this kind may run: per consumer one of them reads, the
others stand by (advisory lock).
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
from stores.outbox.partitions import keep_partitions
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
    """Consume until killed; exit 3 where PostgreSQL, the lake or Airflow's address is missing."""
    parser = argparse.ArgumentParser(prog="python -m streaming.consumers", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"one of {', '.join(NAMES)}; default: all")
    arguments = parser.parse_args(argv)
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"unknown consumer {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    die_with_parent()
    try:
        lake().ensure()
        with connect() as connection:
            _consume(connection, _consumers(arguments.names or NAMES, connection))
    except psycopg.OperationalError as error:
        print(f"error: PostgreSQL went away: {' '.join(str(error).split())}", file=sys.stderr)
        return DependencyError.exit_code
    except NewsreelError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return error.exit_code
    return 0


def _consumers(names: Sequence[str], connection: Connection) -> list[Consumer]:
    """In the order of NAMES: what people wait for comes first."""
    found: list[Consumer] = []
    if cache_invalidator.CONSUMER in names:
        found.append(CacheInvalidator(connection))
    if dag_starter.CONSUMER in names:
        found.append(DagStarter(connection, _airflow()))
    if lake_sink.CONSUMER in names:
        found.append(LakeSink(connection, _airflow()))
    return found


def _airflow() -> AirflowClient:
    url = settings().airflow_url
    if url is None:
        raise DependencyError(
            "NEWSREEL_AIRFLOW_URL is not set: give the address of Airflow's REST API, "
            "https://USER:PASSWORD@HOST, or start this through `newsreel up`"
        )
    return AirflowClient(url.get_secret_value())


def _consume(connection: Connection, consumers: Sequence[Consumer]) -> None:
    partitions_kept: date | None = None
    due_s = dict.fromkeys(consumers, 0.0)
    while True:
        if (today := datetime.now(UTC).date()) != partitions_kept:
            keep_partitions(connection, today)
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
