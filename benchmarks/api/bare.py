"""`python -m benchmarks.api.bare`: what the framework costs by itself: endpoints that do nothing, same server."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

TEXT = "x" * 600
"""About as long as a video's answer is."""


class Answer(BaseModel):
    """Some JSON."""

    video_id: str
    text: str


class Body(BaseModel):
    """A body to read."""

    kind: str


def create_app() -> FastAPI:
    """The application."""
    app = FastAPI()

    @app.get("/v1/videos/{video_id}")
    async def read(video_id: str) -> Answer:
        return Answer(video_id=video_id, text=TEXT)

    @app.put("/v1/videos/{video_id}/reaction")
    async def write(video_id: str, body: Body) -> Body:  # noqa: ARG001 - a path has a parameter
        return body

    return app


def main() -> None:
    """Serve on a free port, which is printed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        create_app(), loop="uvloop", http="httptools", log_level="warning", access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
