"""`python -m newsreel.embedded.outbox_worker`: the consumers of the outbox, one after the other, until killed.

One process, because each of them is idle nearly always; each has its own place in the outbox, and where more are
needed more of these run: whoever comes second to a consumer's turn stands by.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime

import psycopg

from newsreel.embedded.airflow import EmbeddedAirflow
from newsreel.embedded.airflow_client import AirflowClient
from newsreel.embedded.cache_invalidator import CacheInvalidator
from newsreel.embedded.dag_starter import DagStarter
from newsreel.embedded.sink_worker import SinkWorker
from schemas.errors import DependencyError, NewsreelError, NotFoundError
from schemas.settings import settings
from stores.delta import lake
from stores.outbox.partitions import keep_partitions
from stores.postgres import Connection, connect
from stores.stage import die_with_parent

_PAUSE_S = 0.5
_SINK_EVERY_S = 1.5
"""A commit each time: fewer of them leave fewer small files, and rows promise to be in the lake within 5 s."""


def main(argv: Sequence[str] | None = None) -> int:
    """Take turns until killed; exit 3 where PostgreSQL or the lake cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m newsreel.embedded.outbox_worker", description=__doc__)
    parser.add_argument("--airflow-url", required=True)
    arguments = parser.parse_args(argv)
    die_with_parent()
    password = EmbeddedAirflow(settings().home, "", 0).password
    try:
        lake().ensure()
        with connect() as connection, AirflowClient(arguments.airflow_url, password) as airflow:
            _serve(connection, airflow)
    except psycopg.OperationalError as error:
        # The stack starts it again, and this worker after it.
        print(f"error: PostgreSQL has gone: {' '.join(str(error).split())}", file=sys.stderr)
        return DependencyError.exit_code
    except NewsreelError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return error.exit_code
    return 0


def _serve(connection: Connection, airflow: AirflowClient) -> None:
    starter, sink = DagStarter(connection, airflow), SinkWorker(settings().home, connection, airflow)
    invalidator = CacheInvalidator(connection)
    tended: date | None = None
    sinks_at_s = 0.0
    while True:
        if (today := datetime.now(UTC).date()) != tended:
            keep_partitions(connection, today)
            tended = today
        invalidator.turn()
        try:
            starter.turn()
        except (DependencyError, NotFoundError) as error:
            # Airflow starts beside us, and may be started again at any time: the event waits.
            print(f"no run yet: {error.detail}", flush=True)
        if time.monotonic() >= sinks_at_s:
            sinks_at_s = time.monotonic() + _SINK_EVERY_S
            if drained := sink.turn():
                print(f"{drained} events", flush=True)
        time.sleep(_PAUSE_S)


if __name__ == "__main__":
    sys.exit(main())
