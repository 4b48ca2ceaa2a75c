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
from streaming.api.database import Database
from streaming.api.problems import problem

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """That the process answers."""

    status: str


@router.get("/healthz")
async def health() -> Health:
    """Whether this process is alive; it asks no other server."""
    return Health(status="ok")


@router.get("/readyz", response_model=Health)
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


def _not_ready(detail: str) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "1"})
