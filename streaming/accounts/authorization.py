"""The one place that asks `schemas/permissions.py` whether a caller may do this with that object."""

from __future__ import annotations

from schemas.errors import ForbiddenError, LogInError, NotFoundError
from schemas.permissions import Kind, Relation, Verdict, verdict
from streaming.accounts.caller import Caller


def relations(
    caller: Caller, owner_id: str | None, *, host_id: str | None = None, blocked: bool = False
) -> set[Relation]:
    """What the caller is to an object of `owner_id` on something of `host_id`."""
    if caller.user_id is None:
        return {Relation.ANYONE}
    # Who is blocked is no plain member to the object any more.
    found = {Relation.BLOCKED if blocked and caller.user_id != owner_id else Relation.MEMBER}
    if caller.user_id == owner_id:
        found.add(Relation.OWNER)
    if host_id is not None and caller.user_id == host_id:
        found.add(Relation.HOST)
    if caller.is_operator:
        found.add(Relation.OPERATOR)
    return found


def allows(kind: Kind, state: str, action: str, held: set[Relation]) -> bool:
    """Whether `require` would pass."""
    return verdict(kind, state, action, held) is Verdict.ALLOW


def require(kind: Kind, state: str, action: str, held: set[Relation]) -> None:
    """Pass, or raise LogInError (401), ForbiddenError (403) or NotFoundError (404), as the table says."""
    found = verdict(kind, state, action, held)
    if found is Verdict.LOG_IN:
        raise LogInError("an access token is needed: open a session with POST /v1/sessions")
    if found is Verdict.FORBID:
        raise ForbiddenError(f"this {kind} is there for you to see, and not to {action.replace('_', ' ')}")
    if found is Verdict.HIDE:
        raise NotFoundError(f"no such {kind}")


def video_state(status: str, visibility: str) -> str:
    """Which rows of the table hold for a video."""
    if status == "ready":
        return visibility
    return "removed" if status == "removed" else "unready"
