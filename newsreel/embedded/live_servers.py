"""`python -m newsreel.embedded.live_servers`: PostgreSQL, Redis and the API of a HOME, without Airflow.

For benches and tests of the live side: it says on stdout where they are, one JSON object, and starts again what dies.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType

import httpx

from newsreel.embedded.component import Component
from newsreel.embedded.orphans import STACK_VARIABLE
from newsreel.embedded.ports import find_free_port
from newsreel.embedded.postgres import EmbeddedPostgres
from newsreel.embedded.redis import EmbeddedRedis
from newsreel.embedded.servers import database
from schemas.errors import DependencyError, NewsreelError
from schemas.settings import settings
from stores.stage import die_with_parent

START_TIMEOUT_S = 60.0
_POLL_S = 0.05


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal; exit 3 where something does not start."""
    parser = argparse.ArgumentParser(prog="python -m newsreel.embedded.live_servers", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of the API, 0 for a free one")
    arguments = parser.parse_args(argv)
    die_with_parent()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, _end)
    try:
        with ExitStack() as held:
            _serve(held, arguments.port or find_free_port())
    except NewsreelError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return error.exit_code
    return 0


def _serve(held: ExitStack, port: int) -> None:
    home = settings().home
    postgres, redis = EmbeddedPostgres(home), EmbeddedRedis(home)
    held.enter_context(postgres)
    filled = held.enter_context(database())
    held.enter_context(redis)
    environment = {
        **os.environ,
        "NEWSREEL_DATABASE_URL": filled.database_url or postgres.url(),
        "NEWSREEL_REDIS_URL": redis.url,
        STACK_VARIABLE: str(os.getpid()),
    }
    command = [sys.executable, "-m", "streaming.api", "--port", str(port)]
    api = Component("api", command, environment, str(os.getpid()), home / "logs")
    api.start()
    held.callback(_stop, api)
    url = f"http://127.0.0.1:{port}"
    _wait(url)
    where = {"api_url": url, "database_url": environment["NEWSREEL_DATABASE_URL"], "redis_url": redis.url}
    print(json.dumps(where), flush=True)
    while True:
        time.sleep(_POLL_S)
        postgres.mend()
        redis.mend()
        if api.ended() is not None:
            api.start()


def _wait(url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(_POLL_S)
    raise DependencyError(f"the API at {url} does not become ready; see logs/api.log under HOME")


def _stop(api: Component) -> None:
    api.ask_to_end()
    api.end(time.monotonic() + 8)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
