"""Caller of a request: resolved once from its access token, then read by handlers.

Tests: tests/streaming/accounts/test_authorization.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from schemas.errors import LogInError
from schemas.settings import settings

SCOPE_KEY = "newsreel.caller"
"""Key of the caller in the scope, set by the middleware of streaming/accounts/bearer.py."""
TOKEN_REQUIRED = "An access token is required: open a session with POST /v1/sessions."  # noqa: S105


@dataclass(frozen=True, slots=True)
class Caller:
    """The author of a request; anonymous if `user_id` is None."""

    user_id: str | None = None
    session_id: str | None = None

    @property
    def is_operator(self) -> bool:
        """Whether NEWSREEL_OPERATORS names the user."""
        return self.user_id is not None and self.user_id in settings().operator_ids


@dataclass(frozen=True, slots=True)
class Member(Caller):
    """An authenticated caller."""

    user_id: str = ""
    session_id: str = ""


ANONYMOUS = Caller()


async def get_caller(request: Request) -> Caller:
    """The caller, anonymous or not."""
    caller = request.scope[SCOPE_KEY]
    assert isinstance(caller, Caller)
    return caller


async def get_member(request: Request) -> Member:
    """The authenticated caller. Raises LogInError (401) if anonymous."""
    caller = request.scope[SCOPE_KEY]
    if not isinstance(caller, Member):
        raise LogInError(TOKEN_REQUIRED)
    return caller


AnyCaller = Annotated[Caller, Depends(get_caller)]
"""For handlers that serve anonymous callers too."""
LoggedIn = Annotated[Member, Depends(get_member)]
"""For handlers that require an access token; 401 without."""
