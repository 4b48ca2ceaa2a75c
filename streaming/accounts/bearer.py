"""Bearer authentication (RFC 6750): ASGI middleware that resolves `Authorization: Bearer …` to the caller.

Tests: tests/streaming/api/accounts/test_users.py.
"""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Receive, Scope, Send

from schemas.errors import LogInError, NewsreelError
from schemas.surfaces import find_surface
from streaming.accounts.activity import Activity
from streaming.accounts.caller import ANONYMOUS, SCOPE_KEY, Caller
from streaming.accounts.sessions import Sessions
from streaming.serving.access_log import USER_ID
from streaming.serving.problems import build_error_response


class BearerMiddleware:
    """Puts the caller into the scope. An invalid token is answered with 401, even where none is required."""

    def __init__(self, app: ASGIApp, sessions: Sessions, activity: Activity) -> None:
        self.app, self._sessions, self._activity = app, sessions, activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            scope[SCOPE_KEY] = await self._authenticate(scope)
        except NewsreelError as error:
            await build_error_response(error, f"{scope['method']} {scope['path']}")(scope, receive, send)
            return
        if user_id := scope[SCOPE_KEY].user_id:
            scope[USER_ID] = user_id
            await self._activity.record(user_id, find_surface(scope["path"]))
        await self.app(scope, receive, send)

    async def _authenticate(self, scope: Scope) -> Caller:
        for name, value in scope["headers"]:
            if name == b"authorization":
                scheme, _, token = value.decode("latin-1").partition(" ")
                if scheme.lower() != "bearer" or not token.strip():
                    raise LogInError("Authorization: must be Bearer and an access token.")
                return await self._sessions.authenticate(token.strip(), time.time())
        return ANONYMOUS


def user_of_scope(scope: Scope) -> str | None:
    """The user id of a request, for its rate limits."""
    user_id: str | None = scope.get(USER_ID)
    return user_id
