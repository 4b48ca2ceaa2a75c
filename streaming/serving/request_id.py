"""Id of the request being served, for its response, its log line, and the events and DAG runs that it causes.

Tests: tests/streaming/serving/test_server.py.
"""

from __future__ import annotations

from contextvars import ContextVar

from schemas.ids import new_id
from schemas.rows import IDENTIFIER

HEADER = "X-Request-Id"

request_id: ContextVar[str] = ContextVar("newsreel_request_id", default="")


def accept_or_create(given: str | None) -> str:
    """The id given by a proxy or client if it is valid, otherwise a new one."""
    return given if given and IDENTIFIER.fullmatch(given) else new_id()
