"""`python -m newsreel.embedded.live_servers`: the stack without Airflow, for benches and tests of the live side.

PostgreSQL, Redis and the API of a HOME, until a signal or the end of the parent process. Prints one JSON object once
they are up: `api_url`, `database_url`, `redis_url`.

Tests: tests/newsreel/embedded/test_live_servers.py.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType

from newsreel.embedded.component import Site
from newsreel.embedded.components import (
    LIVE,
    REDIS_URL,
    build_environment,
    choose_ports,
    select_components,
)
from newsreel.embedded.servers import DATABASE_URL, database
from newsreel.embedded.supervisor import POLL_S, Supervisor
from schemas.errors import NewsreelError
from schemas.settings import settings
from stores.stage import die_with_parent

START_TIMEOUT_S = 60.0


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal; exit 3 where something does not start."""
    parser = argparse.ArgumentParser(prog="python -m newsreel.embedded.live_servers", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of the API, 0 for a free one")
    arguments = parser.parse_args(argv)
    die_with_parent()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, _exit_on_signal)
    try:
        with ExitStack() as held:
            _serve(held, arguments.port)
    except NewsreelError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return error.exit_code
    return 0


def _serve(held: ExitStack, port: int) -> None:
    components = select_components(LIVE)
    site = Site(settings().home, choose_ports(components, {"api": port}))
    held.enter_context(database())
    environment = build_environment(site)
    supervisor = Supervisor(site, components, environment, uuid.uuid4().hex, _log)
    held.callback(supervisor.stop)
    supervisor.start()
    supervisor.wait_until_up(START_TIMEOUT_S, supervisor.watch)
    [api_url] = [component.url_at(site) for component in components if component.name == "api"]
    urls = {
        "api_url": api_url,
        "database_url": environment[DATABASE_URL],
        "redis_url": environment[REDIS_URL],
    }
    print(json.dumps(urls), flush=True)
    while True:
        time.sleep(POLL_S)
        supervisor.watch()


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _exit_on_signal(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
