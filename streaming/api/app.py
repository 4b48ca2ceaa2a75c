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
from streaming.api import (
    blocks,
    comments,
    follows,
    friends,
    health,
    limits,
    login,
    media,
    operators,
    posts,
    reactions,
    share_page,
    shares,
    uploads,
    users,
    videos,
    views,
    watch,
)
from streaming.api.activity import Activity
from streaming.api.activity import forget_old as forget_old_activity
from streaming.api.bearer import Bearer
from streaming.api.body_limit import BodyLimit
from streaming.api.database import Database
from streaming.api.head import HeadAsGet
from streaming.api.headers import DefaultHeaders
from streaming.api.idempotency import forget_old
from streaming.api.kept_reads import KeptReads
from streaming.api.media_access import MediaAccess
from streaming.api.notices import Notices
from streaming.api.openapi import openapi
from streaming.api.passwords import Passwords
from streaming.api.problems import register_problems
from streaming.api.record import AccessLog, Record, Requests
from streaming.api.sessions import Sessions
from streaming.api.tallies import EVERY_S, add_up
from streaming.api.upkeep import repeat
from streaming.api.upload_sweep import sweep
from streaming.ratelimit.http.subject import Subjects

STATIC = Path(__file__).parent / "static"
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
        # A body that does not say what it is is JSON (streaming/api/body_limit.py).
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
            Middleware(DefaultHeaders),
            Middleware(Record, requests=Requests(registry), access_log=access_log),
            Middleware(BodyLimit),
            Middleware(Bearer, sessions=sessions, activity=Activity(database)),
            *limits.middleware(limiter, registry),
            Middleware(HeadAsGet),
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
    for plain in (videos.plain, comments.plain, users.plain):
        app.include_router(plain)
    for part in (
        health,
        users,
        login,
        videos,
        reactions,
        views,
        comments,
        shares,
        friends,
        follows,
        blocks,
        posts,
        operators,
        uploads,
    ):
        app.include_router(part.router)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]
    return app
