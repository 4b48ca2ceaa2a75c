"""Health, readiness and metrics: `/healthz`, `/readyz`, `/metrics`.

See also tests/streaming/api/test_app.py.
"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from schemas.errors import NewsreelError, StorageError
from schemas.settings import settings
from stores import migrations
from stores.free_space import try_write
from streaming.serving.database import Database, DatabaseDep
from streaming.serving.metrics import RegistryDep
from streaming.serving.openapi import ANYONE
from streaming.serving.problems import build_problem
from streaming.serving.server import IsDraining

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """State of the process."""

    status: str


@router.get("/healthz", openapi_extra=ANYONE)
async def health() -> Health:
    """Liveness: this process serves requests; no other server is checked."""
    return Health(status="ok")


@router.get("/readyz", response_model=Health, openapi_extra=ANYONE)
async def ready(database: DatabaseDep, draining: IsDraining) -> Health | Response:
    """Readiness: PostgreSQL is at the expected revision, it and the media store take writes, and nothing drains."""
    if draining:
        return _build_not_ready("The server is draining before it stops.")
    try:
        row = await database.one("SELECT version_num FROM alembic_version")
        # A transaction id is a write: a server that recovers, is read-only or has a full disk gives none.
        await database.write("SELECT pg_current_xact_id()")
    except NewsreelError:
        return _build_not_ready("PostgreSQL is unavailable.")
    if row is None or row["version_num"] != migrations.HEAD:
        return _build_not_ready("PostgreSQL is at another revision than this server.")
    try:
        await run_in_threadpool(try_write, settings().media_path)
    except StorageError:
        return _build_not_ready("The media store takes no writes.")
    return Health(status="ready")


@router.get("/metrics", include_in_schema=False)
async def metrics(registry: RegistryDep) -> Response:
    """Metrics in Prometheus's text format."""
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class Pool(Collector):
    """Collector of the connection pool's statistics, read at each scrape."""

    def __init__(self, database: Database, registry: CollectorRegistry) -> None:
        self._database = database
        registry.register(self)

    def collect(self):  # type: ignore[no-untyped-def]  # an iterator of metrics, of a library without types
        """One gauge, labelled by statistic."""
        gauge = GaugeMetricFamily(
            "postgresql_pool", "Connections, and requests that wait for one", labels=["what"]
        )
        for name, value in self._database.pool_stats().items():
            gauge.add_metric([name], value)
        yield gauge


class OutboxLag(Collector):
    """Collector of each outbox consumer's lag, as of the last measurement."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lags: list[tuple[str, int, float]] = []
        registry.register(self)

    async def measure(self, database: Database) -> None:
        """Read the lags from PostgreSQL; cheap while they are short."""
        self._lags = [
            (row["consumer"], row["events"], row["oldest_s"])
            for row in await database.all(_LAGS, stale=False)
        ]

    def collect(self):  # type: ignore[no-untyped-def]  # an iterator of metrics, of a library without types
        """Two gauges, labelled by consumer."""
        events = GaugeMetricFamily(
            "outbox_lag_events", "Events past the consumer's cursor", labels=["consumer"]
        )
        seconds = GaugeMetricFamily("outbox_lag_seconds", "Age of the oldest of them", labels=["consumer"])
        for consumer, count, oldest_s in self._lags:
            events.add_metric([consumer], count)
            seconds.add_metric([consumer], oldest_s)
        yield events
        yield seconds


_LAGS = """
    SELECT consumer, behind.events,
        coalesce(extract(epoch FROM clock_timestamp() - behind.oldest), 0)::float AS oldest_s
    FROM consumers c, LATERAL (
        SELECT count(*) AS events, min(at) AS oldest FROM (
            SELECT at FROM events e WHERE (e.transaction_id, e.event_id) > (c.transaction_id, c.event_id) LIMIT 100000
        ) AS ahead
    ) AS behind
"""


def _build_not_ready(detail: str) -> Response:
    return build_problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "1"})
