"""Who asks: read from the request's access token once, before anything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from schemas.errors import LogInError
from schemas.settings import settings

HOOK = "newsreel.caller"
"""Where the scope has the caller (streaming/accounts/bearer.py puts it there)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks; nobody in particular where `user_id` is None. `address` is the client's."""

    user_id: str | None = None
    session_id: str | None = None

    @property
    def is_operator(self) -> bool:
        """Whether NEWSREEL_OPERATORS names them."""
        return self.user_id is not None and self.user_id in settings().operator_ids


@dataclass(frozen=True, slots=True)
class Member(Caller):
    """Somebody who is logged in."""

    user_id: str = ""
    session_id: str = ""


NOBODY = Caller()


async def _caller(request: Request) -> Caller:
    found = request.scope[HOOK]
    assert isinstance(found, Caller)
    return found


async def _member(request: Request) -> Member:
    found = request.scope[HOOK]
    if not isinstance(found, Member):
        raise LogInError("an access token is needed: open a session with POST /v1/sessions")
    return found


AnyCaller = Annotated[Caller, Depends(_caller)]
"""Of a handler that serves everybody."""
LoggedIn = Annotated[Member, Depends(_member)]
"""Of a handler that serves members; 401 for others."""
