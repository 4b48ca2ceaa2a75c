"""ASGI middleware that finds out who asks, from `Authorization: Bearer …` (RFC 6750)."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Receive, Scope, Send

from schemas.errors import LogInError, NewsreelError
from schemas.surfaces import surface_of
from streaming.accounts.activity import Activity
from streaming.accounts.caller import HOOK, NOBODY, Caller
from streaming.accounts.sessions import Sessions
from streaming.serving.access_log import USER_ID
from streaming.serving.problems import answer_of


class Bearer:
    """Puts the caller into the scope; a token that is not good is answered with 401, also where none is needed."""

    def __init__(self, app: ASGIApp, sessions: Sessions, activity: Activity) -> None:
        self.app, self._sessions, self._activity = app, sessions, activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            scope[HOOK] = await self._caller(scope)
        except NewsreelError as error:
            await answer_of(error, f"{scope['method']} {scope['path']}")(scope, receive, send)
            return
        if user_id := scope[HOOK].user_id:
            scope[USER_ID] = user_id
            await self._activity.saw(user_id, surface_of(scope["path"]))
        await self.app(scope, receive, send)

    async def _caller(self, scope: Scope) -> Caller:
        for name, value in scope["headers"]:
            if name == b"authorization":
                scheme, _, token = value.decode("latin-1").partition(" ")
                if scheme.lower() != "bearer" or not token.strip():
                    raise LogInError("Authorization: Bearer and an access token are needed")
                return await self._sessions.member(token.strip(), time.time())
        return NOBODY


def user_of_scope(scope: Scope) -> str | None:
    """The user of a request, for its limits."""
    user_id: str | None = scope.get(USER_ID)
    return user_id
