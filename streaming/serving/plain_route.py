"""Routes whose handlers take the bare request, for the hottest reads.

FastAPI's parameter and dependency solving costs as much as the rest of such a request. Here the handler parses its
parameters and calls the accessors (`get_database`, ...) itself, and `openapi_extra` declares the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute


class PlainRoute(APIRoute):
    """`APIRouter(route_class=PlainRoute)`: handlers `async def f(request: Request) -> Response`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself."""
        return self.endpoint


def path_parameter(name: str) -> dict[str, Any]:
    """An id in the path, declared for `openapi_extra`."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64}}
