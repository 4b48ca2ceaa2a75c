"""`/healthz`, `/readyz`, `/metrics`: for those who keep this running."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import BaseModel

from schemas.errors import NewsreelError
from stores import migrations
from streaming.serving.database import Database
from streaming.serving.openapi import ANYONE
from streaming.serving.problems import problem

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """That the process answers."""

    status: str


@router.get("/healthz", openapi_extra=ANYONE)
async def health() -> Health:
    """Whether this process is alive; it asks no other server."""
    return Health(status="ok")


@router.get("/readyz", response_model=Health, openapi_extra=ANYONE)
async def ready(request: Request) -> Health | Response:
    """Whether requests should be sent here: PostgreSQL answers, is migrated, and nobody has asked this to end."""
    if request.app.state.draining:
        return _not_ready("This server is about to end.")
    database: Database = request.app.state.database
    try:
        row = await database.one("SELECT version_num FROM alembic_version")
    except NewsreelError:
        return _not_ready("PostgreSQL does not answer.")
    if row is None or row["version_num"] != migrations.HEAD:
        return _not_ready("PostgreSQL is at another revision than this program.")
    return Health(status="ready")


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """For Prometheus."""
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)


class Pool(Collector):
    """The pool of connections to PostgreSQL, as it stands when it is asked for."""

    def __init__(self, database: Database, registry: CollectorRegistry) -> None:
        self._database = database
        registry.register(self)

    def collect(self):  # type: ignore[no-untyped-def]  # an iterator of metrics, of a library without types
        """One gauge, by what it counts."""
        gauge = GaugeMetricFamily("postgresql_pool", "Connections, and who waits for one", labels=["what"])
        for name, value in self._database.waiting().items():
            gauge.add_metric([name], value)
        yield gauge


class OutboxLag(Collector):
    """How far each consumer of the outbox is behind, as it stood when it was last looked at."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lags: list[tuple[str, int, float]] = []
        registry.register(self)

    async def look(self, database: Database) -> None:
        """Ask PostgreSQL; cheap while nobody is far behind."""
        self._lags = [
            (row["consumer"], row["events"], row["oldest_s"])
            for row in await database.all(_LAGS, stale=False)
        ]

    def collect(self):  # type: ignore[no-untyped-def]  # an iterator of metrics, of a library without types
        """Two gauges, by consumer."""
        events = GaugeMetricFamily("outbox_lag_events", "Events not passed yet", labels=["consumer"])
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
        ) some
    ) behind
"""


def _not_ready(detail: str) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "1"})
