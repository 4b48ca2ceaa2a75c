"""Access log: ASGI middleware that gives each request an id, logs it as a line of JSON and counts it.

Tests: tests/streaming/api/test_app.py, tests/streaming/serving/test_server.py.
"""

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
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streaming.serving.metrics import RequestMetrics
from streaming.serving.problems import INTERNAL_ERROR, build_problem
from streaming.serving.request_id import accept_or_create, request_id

log = logging.getLogger(__name__)

USER_ID = "newsreel.user_id"
"""Key of the scope under which the authentication middleware leaves the id of the user, for the log and the limits."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FLUSH_WITHIN_S = 0.2
_LINE_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


class AccessLog:
    """Lines of JSON to standard error, written in batches: one write per line costs as much as a response."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def write(self, line: dict[str, Any]) -> None:
        """Buffer a line; it is written within `FLUSH_WITHIN_S`."""
        self._lines.append(orjson.dumps(line, option=_LINE_OPTIONS))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(FLUSH_WITHIN_S, self.flush)

    def flush(self) -> None:
        """Write the buffered lines."""
        lines, self._lines = self._lines, []
        sys.stderr.buffer.write(b"".join(lines))
        sys.stderr.buffer.flush()


class AccessLogMiddleware:
    """Outermost middleware but for default headers: every error inside it gets a response and a log line."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics, access_log: AccessLog | None = None) -> None:
        self.app, self._metrics, self._log = app, metrics, access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve and record one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
        own_id = accept_or_create(given.decode("latin-1") if given else None)
        request_id.set(own_id)
        status, begun_s = 0, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", own_id.encode())]
            await send(message)

        self._metrics.active.inc()
        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            log.exception("%s %s", scope["method"], scope["path"])
            if status:
                raise  # the response has started: the connection can only be cut
            await build_problem(HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL_ERROR)(
                scope, receive, send_with_id
            )
        finally:
            self._metrics.active.dec()
            self._record(scope, status, time.perf_counter() - begun_s)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = getattr(scope.get("route"), "path", "none")
        self._metrics.observe(method, route, status, seconds)
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


class JsonFormatter(logging.Formatter):
    """One line of JSON per record: at, level, logger, request_id, message, and the traceback of an error as `trace`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
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
    """Configure all loggers to write JSON lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("httpx", "asyncio", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
