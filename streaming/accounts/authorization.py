"""Authorization: the one place that looks up `schemas/permissions.py` for a caller, an action and an object."""

from __future__ import annotations

from schemas.errors import ForbiddenError, LogInError, NotFoundError
from schemas.permissions import Kind, Relation, Verdict, decide
from streaming.accounts.caller import TOKEN_REQUIRED, Caller


def find_relations(
    caller: Caller, owner_id: str | None, *, host_id: str | None = None, blocked: bool = False
) -> set[Relation]:
    """Relations of the caller to an object of `owner_id`, placed on an object of `host_id`."""
    if caller.user_id is None:
        return {Relation.ANYONE}
    # A blocked caller is not a plain member to the object.
    found = {Relation.BLOCKED if blocked and caller.user_id != owner_id else Relation.MEMBER}
    if caller.user_id == owner_id:
        found.add(Relation.OWNER)
    if host_id is not None and caller.user_id == host_id:
        found.add(Relation.HOST)
    if caller.is_operator:
        found.add(Relation.OPERATOR)
    return found


def is_allowed(kind: Kind, state: str, action: str, found: set[Relation]) -> bool:
    """Whether `require` would pass."""
    return decide(kind, state, action, found) is Verdict.ALLOW


def require(kind: Kind, state: str, action: str, found: set[Relation]) -> None:
    """Raise LogInError (401), ForbiddenError (403) or NotFoundError (404) unless the action is allowed."""
    decided = decide(kind, state, action, found)
    if decided is Verdict.LOG_IN:
        raise LogInError(TOKEN_REQUIRED)
    if decided is Verdict.FORBID:
        what = action.replace("_", " ")
        raise ForbiddenError(f"Authenticated, but not permitted to {what} this {kind.replace('_', ' ')}.")
    if decided is Verdict.HIDE:
        raise NotFoundError(f"No such {kind.replace('_', ' ')}.")
