"""Bare endpoints on the same framework and server, the baseline of the bench: `python -m benchmarks.api.bare`."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

TEXT = "x" * 600
"""About as long as the response for a video."""


class Answer(BaseModel):
    """Response body."""

    video_id: str
    text: str


class Body(BaseModel):
    """Request body."""

    kind: str


def create_app() -> FastAPI:
    """Create the application."""
    app = FastAPI()

    @app.get("/v1/videos/{video_id}")
    async def read(video_id: str) -> Answer:
        return Answer(video_id=video_id, text=TEXT)

    @app.put("/v1/videos/{video_id}/reaction")
    async def write(video_id: str, body: Body) -> Body:  # noqa: ARG001 - the path requires it
        return body

    return app


def main() -> None:
    """Serve on a free port, and print it."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        create_app(), loop="uvloop", http="httptools", log_level="warning", access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
