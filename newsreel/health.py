"""Checks of `newsreel doctor`: installed packages and programs, servers and stores, contradicting settings.

Tests: tests/newsreel/test_engines.py, tests/newsreel/embedded/test_stack.py.
"""

from __future__ import annotations

import platform
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal
from urllib.parse import urlsplit

import httpx
import psutil

from schemas.errors import NewsreelError
from schemas.settings import settings

LEAST_FREE_BYTES = 2 << 30
REDIS_WITHIN_S = 2.0
PACKAGES = (
    "apache-airflow",
    "apache-beam",
    "pyspark",
    "delta-spark",
    "deltalake",
    "great-expectations",
    "ffmpeg-python",
    "fastapi",
)

State = Literal["ok", "missing", "unreachable", "conflict"]


@dataclass(frozen=True)
class Finding:
    """Result of one check."""

    what: str
    state: State
    detail: str


def examine() -> Iterator[Finding]:
    """Run every check, one after the other; changes nothing, and stops the embedded servers that it starts."""
    yield Finding("python", "ok", platform.python_version())
    for package in PACKAGES:
        yield _check_package(package)
    checks: tuple[tuple[str, State, Callable[[], str]], ...] = (
        ("java", "missing", _check_java),
        ("spark jars", "missing", _check_jars),
        ("media tools", "missing", _check_media_tools),
        ("postgresql", "unreachable", _check_postgresql),
        ("redis", "unreachable", _check_redis),
        ("lake", "unreachable", _check_lake),
        ("media store", "unreachable", _check_media),
    )
    for what, state, check in checks:
        yield _run_check(what, state, check)
    yield _run_check("engines", "conflict", _check_engines)
    yield _check_stack()
    yield _run_check("airflow", "unreachable", _check_airflow)


def _check_package(name: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "missing", "not installed: run `make setup`, or install newsreel[all]")


def _run_check(what: str, otherwise: State, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "ok", check())
    except NewsreelError as error:
        return Finding(what, otherwise, error.detail)
    except ImportError as error:
        return Finding(what, "missing", f"{error}: run `make setup`, or install newsreel[all]")


def _check_java() -> str:
    from jobs.spark.java import java_home, java_version

    home = java_home()
    return f"Java {java_version(home)} in {home}"


def _check_jars() -> str:
    from jobs.spark.jars import jar_paths

    paths = jar_paths()
    return f"{len(paths)} in {paths[0].parent}"


def _check_media_tools() -> str:
    from pipelines import media_tools

    return "; ".join(f"{name} {media_tools.version(name)}" for name in media_tools.PROGRAMS)


def _check_postgresql() -> str:
    from newsreel.embedded.servers import database
    from stores.outbox.reader import measure_lags
    from stores.postgres import connect

    given = settings().database_url is not None
    with database(), connect() as connection:
        [row] = connection.execute("SHOW server_version").fetchall()
        where = "NEWSREEL_DATABASE_URL" if given else "embedded"
        waiting = ", ".join(f"{events} for {name}" for name, events in measure_lags(connection).items())
        return f"{row['server_version']} ({where}); waiting events: {waiting or 'no consumer has run yet'}"


def _check_redis() -> str:
    from newsreel.embedded.redis import EmbeddedRedis

    if url := settings().redis_url:
        from stores.redis import connect, read_server_version, redact
        from streaming.ratelimit import RateLimiter, RedisStore, StoreUnavailable, TokenBucket

        where = f"{redact(url)} (NEWSREEL_REDIS_URL)"
        with closing(connect(url, REDIS_WITHIN_S)) as client:
            server_version = read_server_version(client)
        try:
            with closing(RateLimiter(RedisStore(url, timeout_s=REDIS_WITHIN_S))) as limiter:
                limiter.peek_sync("doctor", TokenBucket(1, 1))
        except (StoreUnavailable, ValueError) as error:
            raise NewsreelError(f"{where} cannot decide a rate limit: {error}") from error
        return f"{server_version}; {where}; decides rate limits"
    with EmbeddedRedis(settings().home):
        return "embedded; answers PING"


def _check_lake() -> str:
    from schemas.tables import TABLES
    from stores.delta import lake

    lake().ensure()
    return f"{settings().lake_uri}; {len(TABLES)} tables"


def _check_media() -> str:
    folder = settings().media_path
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise NewsreelError(f"{folder}: only {free / 1e9:.1f} GB free; make room, a video may need 2 GB")
    return f"{folder}; {free / 1e9:.0f} GB free"


def _check_engines() -> str:
    given = settings()
    if given.lake_uri.startswith("file:") and not _on_this_machine(given.spark_master):
        raise NewsreelError(
            f"NEWSREEL_SPARK_MASTER={given.spark_master} with a lake on this machine's disk ({given.lake_uri}): "
            "its executors must see the same folder; use an object store, or workers on this machine alone"
        )
    return f"Spark {given.spark_master}, Beam {given.beam_runner}"


def _on_this_machine(master: str) -> bool:
    """Whether Spark runs here: in its driver, or under a standalone master at an address of this machine."""
    if not master.startswith("spark://"):
        return master.startswith("local")
    own = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
    hosts = [urlsplit(f"//{place}").hostname for place in master.removeprefix("spark://").split(",")]
    return all(host and _resolve(host) <= own for host in hosts)


def _resolve(host: str) -> set[str]:
    """Addresses of a host name; the name itself, which is not an address, where it does not resolve."""
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return {host}


def _check_stack() -> Finding:
    from newsreel.embedded.stack_state import running_stack

    stack = running_stack(settings().home)
    if stack is None:
        return Finding("stack", "ok", "not running; `newsreel up` starts it")
    try:
        answer = httpx.get(f"{stack.api_url}/healthz", timeout=5)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        return Finding("stack", "unreachable", f"{stack.api_url}: {error}")
    return Finding("stack", "ok", f"API {stack.api_url}, Airflow {stack.airflow_url}")


def _check_airflow() -> str:
    from newsreel.embedded.airflow_access import read_airflow_health

    health = read_airflow_health(settings().home)
    if health is None:
        return "embedded; `newsreel up` starts it"
    where = f"{health.url}{' (NEWSREEL_AIRFLOW_URL)' if settings().airflow_url else ''}"
    if not health.database_up:
        raise NewsreelError(f"{where}: does not reach its database")
    if health.silent:
        names = " and ".join(health.silent).replace("_", "-")
        raise NewsreelError(
            f"{where}: no heartbeat from the {names} for 30 s; `newsreel up` restarts its own, see HOME/logs"
        )
    return f"{where}; scheduler and dag-processor send heartbeats"
