"""Types of an ASGI 3 application, and access to request headers (https://asgi.readthedocs.io)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Headers = list[tuple[bytes, bytes]]


def header(scope: Scope, name: bytes) -> list[str]:
    """The values of all lines of a request header, its name in small letters."""
    return [value.decode("latin-1") for found, value in scope.get("headers", ()) if found.lower() == name]
