"""The application: which part answers which path."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from streaming.api import media, watch
from streaming.api.headers import DefaultHeaders
from streaming.api.problems import register_problems
from streaming.api.videos import Videos

STATIC = Path(__file__).parent / "static"


class Health(BaseModel):
    """That the process answers."""

    status: str


def create_app() -> FastAPI:
    """The API. It opens no connection before it is asked for something."""
    app = FastAPI(
        title="Newsreel",
        # The pages that FastAPI offers for these load scripts from another host.
        docs_url=None,
        redoc_url=None,
        routes=[
            Mount("/media", routes=media.routes, middleware=[media.any_origin]),
            Mount("/static", app=StaticFiles(directory=STATIC)),
            Route("/watch/{video_id}", watch.show, name="watch"),
        ],
        middleware=[Middleware(DefaultHeaders)],
    )
    app.state.videos = Videos()
    register_problems(app)

    @app.get("/healthz")
    async def health() -> Health:
        """Whether this process is alive; it asks no other server."""
        return Health(status="ok")

    return app
