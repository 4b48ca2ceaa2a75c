"""ASGI middleware that gives each request its id, and records it: a line in the log, a count, a time."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime
from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streaming.api.caller import HOOK, Caller
from streaming.api.problems import OUR_FAULT, problem
from streaming.api.request_id import HEADER, request_id, taken_or_new

log = logging.getLogger("newsreel.access")

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


class Record:
    """The outermost part: nothing that goes wrong inside passes it unanswered or unrecorded."""

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self.app, self._requests = app, requests

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
                MutableHeaders(scope=message)[HEADER] = own_id
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
        self._requests.count.labels(method, route, status).inc()
        self._requests.seconds.labels(method, route).observe(seconds)
        if log.isEnabledFor(logging.INFO):
            caller = scope.get(HOOK)
            more = {
                "method": method,
                "route": route,
                "status": status,
                "duration_ms": round(seconds * 1000, 1),
                "user_id": caller.user_id if isinstance(caller, Caller) else None,
            }
            log.info("request", extra={"more": more})


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, request_id, message, and what the record adds."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": request_id.get() or None,
            "message": record.getMessage(),
            **getattr(record, "more", {}),
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
