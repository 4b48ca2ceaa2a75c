"""Routes whose handlers take the request as it is: for what is asked for most.

FastAPI's way of reading parameters costs as much as the rest of such an answer. Here the handler checks them, and
`openapi_extra` declares them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute


class PlainRoute(APIRoute):
    """`APIRouter(route_class=PlainRoute)`: handlers `async def f(request: Request) -> Response`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler itself."""
        return self.endpoint


def path_parameter(name: str) -> dict[str, Any]:
    """An id in the path, for `openapi_extra`."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64}}
