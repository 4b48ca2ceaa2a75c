"""The application: which part answers which path, and what stands before all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from schemas.settings import settings
from streaming.accounts.activity import Activity
from streaming.accounts.activity import forget_old as forget_old_activity
from streaming.accounts.bearer import Bearer
from streaming.accounts.idempotency import forget_old
from streaming.accounts.passwords import Passwords
from streaming.accounts.sessions import Sessions
from streaming.api import accounts, feed, graph, health, limits, uploads, videos
from streaming.api.uploads.fields import VERSION as TUS_VERSION
from streaming.api.uploads.sweep import sweep
from streaming.api.videos import media, share_page, watch
from streaming.api.videos.counters import EVERY_S, add_up
from streaming.api.videos.media_access import MediaAccess
from streaming.api.videos.read_cache import KeptReads
from streaming.ratelimit.http.subject import Subjects
from streaming.serving.access_log import AccessLog, Record, Requests
from streaming.serving.body_limit import BodyLimit
from streaming.serving.database import Database
from streaming.serving.head import HeadAsGet
from streaming.serving.headers import DefaultHeaders
from streaming.serving.openapi import openapi
from streaming.serving.periodic import repeat
from streaming.serving.pg_listen import Notices
from streaming.serving.problems import register_problems

STATIC = Path(__file__).parent / "static"
UPLOADS = "/v1/uploads"
HOUR_S = 3_600.0
LAG_EVERY_S = 5.0


def create_app(access_log: AccessLog | None = None) -> FastAPI:
    """The API of this process's settings. Connections are opened when it starts, and kept until it ends."""
    database, registry, limiter = Database(), CollectorRegistry(), limits.limiter()
    notices, proxies = Notices(database.url), settings().proxy_networks
    sessions = Sessions(database, notices)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        at_work = [
            asyncio.create_task(work)
            for work in (
                notices.listen(),
                repeat(EVERY_S, lambda: add_up(database)),
                repeat(EVERY_S, database.watch_replica),
                repeat(LAG_EVERY_S, lambda: outbox_lag.look(database)),
                repeat(HOUR_S, lambda: forget_old(database)),
                repeat(HOUR_S, lambda: forget_old_activity(database)),
                repeat(HOUR_S, lambda: sweep(database)),
            )
        ]
        yield
        for task in at_work:
            task.cancel()
        for task in at_work:
            with suppress(asyncio.CancelledError):
                await task
        await database.close()
        await limiter.aclose()
        if access_log is not None:
            access_log.flush()  # here: once the server has ended, it dies of the signal that ended it

    app = FastAPI(
        title="Newsreel",
        version=version("newsreel"),
        # The pages that FastAPI offers for these load scripts from another host.
        docs_url=None,
        redoc_url=None,
        # One address for each thing.
        redirect_slashes=False,
        # A body that does not say what it is is JSON (streaming/serving/body_limit.py).
        strict_content_type=False,
        lifespan=lifespan,
        routes=[
            Mount("/media", routes=media.routes, middleware=[media.any_origin]),
            Mount("/static", app=StaticFiles(directory=STATIC)),
            Route("/watch/{video_id}", watch.show, name="watch"),
            Route("/s/{token}", share_page.show, name="share"),
        ],
        # The first one is the outermost.
        middleware=[
            Middleware(DefaultHeaders, under={UPLOADS: {"Tus-Resumable": TUS_VERSION}}),
            Middleware(Record, requests=Requests(registry), access_log=access_log),
            Middleware(BodyLimit, files_under=UPLOADS),
            Middleware(Bearer, sessions=sessions, activity=Activity(database)),
            *limits.middleware(limiter, registry),
            Middleware(HeadAsGet, but_under=UPLOADS),
        ],
    )
    app.state.database = database
    app.state.sessions = sessions
    app.state.passwords = Passwords()
    app.state.registry = registry
    app.state.subjects = Subjects(trusted_proxies=proxies)
    app.state.draining = False
    app.state.kept_reads = KeptReads(notices)
    app.state.media_access = MediaAccess(database)
    health.Pool(database, registry)
    outbox_lag = health.OutboxLag(registry)
    register_problems(app)
    app.include_router(health.router)
    for wing in (accounts, videos, graph, feed, uploads):
        for router in wing.ROUTERS:
            app.include_router(router)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]
    return app
