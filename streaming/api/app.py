"""Application of the API: wings, middleware, shared objects and background tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from schemas.settings import settings
from streaming.accounts.activity import Activity, delete_old_activity
from streaming.accounts.bearer import BearerMiddleware
from streaming.accounts.idempotency import delete_old_keys
from streaming.accounts.passwords import Passwords
from streaming.accounts.sessions import Sessions
from streaming.api import accounts, feed, graph, health, limits, uploads, videos
from streaming.api.uploads.fields import VERSION as TUS_VERSION
from streaming.api.uploads.sweep import sweep_uploads
from streaming.api.videos import media, share_page, watch
from streaming.api.videos.counters import INTERVAL_S, apply_tallies
from streaming.api.videos.media_access import MediaAccess
from streaming.api.videos.read_cache import ReadCache
from streaming.ratelimit import RateLimiter
from streaming.ratelimit.http.subject import Subjects
from streaming.serving.access_log import AccessLog, AccessLogMiddleware
from streaming.serving.body_limit import BodyLimitMiddleware
from streaming.serving.database import Database
from streaming.serving.head import HeadMiddleware
from streaming.serving.headers import DefaultHeadersMiddleware
from streaming.serving.metrics import RequestMetrics
from streaming.serving.openapi import build_openapi
from streaming.serving.periodic import run_every
from streaming.serving.pg_listen import PgListener
from streaming.serving.problems import register_problems

WINGS = (accounts, videos, graph, feed, uploads)
STATIC = Path(__file__).parent / "static"
UPLOADS = "/v1/uploads"
REPLICA_INTERVAL_S = 1.0
OUTBOX_LAG_INTERVAL_S = 5.0
HOUR_S = 3_600.0

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(access_log: AccessLog | None = None) -> FastAPI:
    """The API of this process's settings. Connections are opened when it starts, and closed when it stops."""
    database, registry, limiter = Database(), CollectorRegistry(), limits.build_limiter()
    listener = PgListener(database.url)
    sessions = Sessions(database, listener)
    outbox_lag = health.OutboxLag(registry)
    health.Pool(database, registry)
    app = FastAPI(
        title="Newsreel",
        version=version("newsreel"),
        # FastAPI's documentation pages load scripts from another host.
        docs_url=None,
        redoc_url=None,
        # One URL per resource.
        redirect_slashes=False,
        # A body without Content-Type is JSON (streaming/serving/body_limit.py).
        strict_content_type=False,
        lifespan=_build_lifespan(database, listener, limiter, outbox_lag, access_log),
        routes=_build_routes(),
        # The first one is the outermost.
        middleware=[
            Middleware(DefaultHeadersMiddleware, under={UPLOADS: {"Tus-Resumable": TUS_VERSION}}),
            Middleware(AccessLogMiddleware, metrics=RequestMetrics(registry), access_log=access_log),
            Middleware(BodyLimitMiddleware, files_under=UPLOADS),
            Middleware(BearerMiddleware, sessions=sessions, activity=Activity(database)),
            *limits.build_middleware(limiter, registry),
            Middleware(HeadMiddleware, except_under=UPLOADS),
        ],
    )
    # Handlers get these by type: see the `...Dep` in the module of each.
    app.state.database = database
    app.state.sessions = sessions
    app.state.passwords = Passwords()
    app.state.registry = registry
    app.state.subjects = Subjects(trusted_proxies=settings().proxy_networks)
    app.state.read_cache = ReadCache(listener)
    app.state.media_access = MediaAccess(database)
    register_problems(app)
    app.include_router(health.router)
    for wing in WINGS:
        for router in wing.ROUTERS:
            app.include_router(router)
    app.openapi = lambda: build_openapi(app)  # type: ignore[method-assign]
    return app


def _build_routes() -> list[BaseRoute]:
    """Media, static files and pages: outside the OpenAPI document."""
    return [
        Mount("/media", routes=media.routes, middleware=[media.any_origin]),
        Mount("/static", app=StaticFiles(directory=STATIC)),
        Route("/watch/{video_id}", watch.show, name="watch"),
        Route("/s/{token}", share_page.show, name="share"),
    ]


def _build_lifespan(
    database: Database,
    listener: PgListener,
    limiter: RateLimiter,
    outbox_lag: health.OutboxLag,
    access_log: AccessLog | None,
) -> Lifespan:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        work = [listener.run(), *_build_periodic_tasks(database, outbox_lag)]
        tasks = [asyncio.create_task(each) for each in work]
        yield
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await database.close()
        await limiter.aclose()
        if access_log is not None:
            access_log.flush()  # here: once stopped, the server raises the signal that stopped it, and dies of it

    return lifespan


def _build_periodic_tasks(
    database: Database, outbox_lag: health.OutboxLag
) -> list[Coroutine[Any, Any, None]]:
    return [
        run_every(INTERVAL_S, lambda: apply_tallies(database)),
        run_every(REPLICA_INTERVAL_S, database.watch_replica),
        run_every(OUTBOX_LAG_INTERVAL_S, lambda: outbox_lag.measure(database)),
        run_every(HOUR_S, lambda: delete_old_keys(database)),
        run_every(HOUR_S, lambda: delete_old_activity(database)),
        run_every(HOUR_S, lambda: sweep_uploads(database)),
    ]
