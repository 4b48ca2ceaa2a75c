"""Pauses between tries of a request, and when to stop trying."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from schemas.errors import DependencyError

PATIENCE_S = 120.0
"""For so long in a row nothing may get through before a command gives up."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
"""A server that asks for more (`Retry-After`) gets it."""


class Patience:
    """Pauses that double, until nothing has got through for `PATIENCE_S`."""

    def __init__(self, server: str) -> None:
        self._server = server
        self.renew()

    def renew(self) -> None:
        """Something got through."""
        self._until_s = time.monotonic() + PATIENCE_S
        self._pause_s = FIRST_PAUSE_S

    def wait(self, reason: str, answer: httpx.Response | None = None) -> None:
        """Pause before the next try. Raises DependencyError where it would come too late."""
        pause_s = max(self._pause_s, retry_after_s(answer) if answer is not None else 0.0)
        if time.monotonic() + pause_s > self._until_s:
            raise DependencyError(f"{self._server} takes nothing more ({reason}); type it again to go on")
        time.sleep(pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)


def retry_after_s(answer: httpx.Response) -> float:
    """What `Retry-After` asks for, as seconds or as a date (RFC 9110, section 10.2.3); 0 where it asks for nothing."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
