"""What `newsreel doctor` looks at: what is installed, what each URL points at, what cannot work together."""

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
    """One thing that was looked at."""

    what: str
    state: State
    detail: str


def examine() -> Iterator[Finding]:
    """Look at everything, one finding after the other; nothing is changed, embedded servers are ended again."""
    yield Finding("python", "ok", platform.python_version())
    for package in PACKAGES:
        yield _package(package)
    looks: tuple[tuple[str, State, Callable[[], str]], ...] = (
        ("java", "missing", _java),
        ("spark jars", "missing", _jars),
        ("media tools", "missing", _media_tools),
        ("postgresql", "unreachable", _postgresql),
        ("redis", "unreachable", _redis),
        ("lake", "unreachable", _lake),
        ("media store", "unreachable", _media),
    )
    for what, state, look in looks:
        yield _finding(what, state, look)
    yield _finding("engines", "conflict", _engines)
    yield _stack()


def _package(name: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "missing", "not installed: run `make setup`, or install newsreel[all]")


def _finding(what: str, otherwise: State, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "ok", look())
    except NewsreelError as error:
        return Finding(what, otherwise, error.detail)
    except ImportError as error:
        return Finding(what, "missing", f"{error}: run `make setup`, or install newsreel[all]")


def _java() -> str:
    from jobs.spark.java import java_home, java_version

    home = java_home()
    return f"Java {java_version(home)} in {home}"


def _jars() -> str:
    from jobs.spark.jars import jar_paths

    paths = jar_paths()
    return f"{len(paths)} in {paths[0].parent}"


def _media_tools() -> str:
    from pipelines import media_tools

    return "; ".join(f"{name} {media_tools.version(name)}" for name in media_tools.PROGRAMS)


def _postgresql() -> str:
    from newsreel.embedded.servers import database
    from stores.outbox.reader import measure_lags
    from stores.postgres import connect

    given = settings().database_url is not None
    with database(), connect() as connection:
        [row] = connection.execute("SHOW server_version").fetchall()
        where = "NEWSREEL_DATABASE_URL" if given else "embedded"
        waiting = ", ".join(f"{events} for {name}" for name, events in measure_lags(connection).items())
        return f"{row['server_version']} ({where}); events that wait: {waiting or 'nobody has read any yet'}"


def _redis() -> str:
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
            raise NewsreelError(f"{where} does not decide a limit: {error}") from error
        return f"{server_version}; {where}; decides limits"
    with EmbeddedRedis(settings().home):
        return "embedded; answers PING"


def _lake() -> str:
    from schemas.tables import TABLES
    from stores.delta import lake

    lake().ensure()
    return f"{settings().lake_uri}; {len(TABLES)} tables"


def _media() -> str:
    folder = settings().media_path
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise NewsreelError(f"{folder}: {free / 1e9:.1f} GB free; a video needs some, make room")
    return f"{folder}; {free / 1e9:.0f} GB free"


def _engines() -> str:
    found = settings()
    if found.lake_uri.startswith("file:") and not _on_this_machine(found.spark_master):
        raise NewsreelError(
            f"NEWSREEL_SPARK_MASTER={found.spark_master} with a lake on this machine's disk ({found.lake_uri}): "
            "its executors must see the same folder; use an object store, or workers on this machine alone"
        )
    return f"Spark {found.spark_master}, Beam {found.beam_runner}"


def _on_this_machine(master: str) -> bool:
    """Whether Spark runs here: in its driver, or under a standalone master that one of our own addresses names."""
    if not master.startswith("spark://"):
        return master.startswith("local")
    ours = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
    hosts = [urlsplit(f"//{place}").hostname for place in master.removeprefix("spark://").split(",")]
    return all(host and _addresses(host) <= ours for host in hosts)


def _addresses(host: str) -> set[str]:
    """What the name resolves to; the name itself where it does not, which is nobody's address."""
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except OSError:
        return {host}


def _stack() -> Finding:
    from newsreel.embedded.stack import running_stack

    stack = running_stack(settings().home)
    if stack is None:
        return Finding("stack", "ok", "not running; `newsreel up` starts it")
    try:
        answer = httpx.get(f"{stack.api_url}/healthz", timeout=5)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        return Finding("stack", "unreachable", f"{stack.api_url}: {error}")
    return Finding("stack", "ok", f"API {stack.api_url}, Airflow {stack.airflow_url}")
