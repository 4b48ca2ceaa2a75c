"""ASGI middleware that gives each request its id, and records it: a line in the log, a count, a time."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streaming.serving.problems import OUR_FAULT, problem
from streaming.serving.request_id import request_id, taken_or_new

log = logging.getLogger(__name__)

USER_ID = "newsreel.user_id"
"""Key of the scope under which the authentication middleware leaves the id of the user, for the log and the limits."""
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Requests:
    """What Prometheus is told of requests: by method, route and status, never by who asks or for what."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "route", "status")
        self.count = Counter("http_requests", "Requests answered", labels, registry=registry)
        self.seconds = Histogram(
            "http_request_seconds",
            "Time to the end of the answer",
            ("method", "route"),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self.active = Gauge("http_requests_active", "Requests being served", registry=registry)
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one. Methods, routes and statuses are few; who calls says "other" for what somebody made up."""
        key = (method, route, status)
        known = self._known.get(key)
        if known is None:
            known = (self.count.labels(method, route, status), self.seconds.labels(method, route))
            self._known[key] = known
        known[0].inc()
        known[1].observe(seconds)


class AccessLog:
    """A JSON object a line, to standard error, some lines at a time: a write for each costs as much as an answer."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def write(self, line: dict[str, Any]) -> None:
        """Take a line; one that waits alone is written within `FLUSH_WITHIN_S`."""
        self._lines.append(orjson.dumps(line, option=_AS_LINE))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(FLUSH_WITHIN_S, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        sys.stderr.buffer.write(b"".join(lines))
        sys.stderr.buffer.flush()


FLUSH_WITHIN_S = 0.2
_AS_LINE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


class Record:
    """The outermost part: nothing that goes wrong inside passes it unanswered or unrecorded."""

    def __init__(self, app: ASGIApp, requests: Requests, access_log: AccessLog | None = None) -> None:
        self.app, self._requests, self._log = app, requests, access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve and record one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
        own_id = taken_or_new(given.decode("latin-1") if given else None)
        request_id.set(own_id)
        status, begun_s = 0, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", own_id.encode())]
            await send(message)

        self._requests.active.inc()
        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            log.exception("%s %s", scope["method"], scope["path"])
            if status:
                raise  # half an answer is out: all that is left is to cut the connection
            await problem(HTTPStatus.INTERNAL_SERVER_ERROR, OUR_FAULT)(scope, receive, send_with_id)
        finally:
            self._requests.active.dec()
            self._note(scope, status, time.perf_counter() - begun_s)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = getattr(scope.get("route"), "path", "none")
        self._requests.note(method, route, status, seconds)
        if self._log is not None:
            self._log.write(
                {
                    "at": datetime.now(UTC),
                    "level": "info",
                    "logger": "newsreel.access",
                    "request_id": request_id.get(),
                    "method": method,
                    "route": route,
                    "status": status,
                    "duration_ms": round(seconds * 1000, 2),
                    "user_id": scope.get(USER_ID),
                }
            )


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, request_id, message, and the trace of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": request_id.get() or None,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(
            {name: value for name, value in line.items() if value is not None}, ensure_ascii=False
        )


def log_as_json() -> None:
    """Let all loggers write JSON lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("httpx", "asyncio", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
