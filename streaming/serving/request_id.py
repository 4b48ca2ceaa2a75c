"""The id of the request being served: in its answer, its log line, the events and the DAG runs that it causes."""

from __future__ import annotations

from contextvars import ContextVar

from schemas.ids import new_id
from schemas.rows import IDENTIFIER

HEADER = "X-Request-Id"

request_id: ContextVar[str] = ContextVar("newsreel_request_id", default="")


def taken_or_new(given: str | None) -> str:
    """The id that a proxy or a client gives, where it is one; otherwise a new one."""
    return given if given and IDENTIFIER.fullmatch(given) else new_id()
