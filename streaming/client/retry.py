"""Retry with exponential backoff, and the deadline after which a command gives up.

Tests: tests/streaming/client/test_upload_faults.py.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from schemas.errors import DependencyError

GIVE_UP_AFTER_S = 120.0
"""Without progress."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
"""A longer `Retry-After` takes precedence."""


class Backoff:
    """Pauses that double, until there was no progress for `GIVE_UP_AFTER_S`."""

    def __init__(self, server: str) -> None:
        self._server = server
        self.reset()

    def reset(self) -> None:
        """Start over after progress."""
        self._until_s = time.monotonic() + GIVE_UP_AFTER_S
        self._pause_s = FIRST_PAUSE_S

    def wait(self, reason: str, answer: httpx.Response | None = None) -> None:
        """Pause before the next attempt. Raises DependencyError if it would be too late."""
        pause_s = max(self._pause_s, parse_retry_after_s(answer) if answer is not None else 0.0)
        if time.monotonic() + pause_s > self._until_s:
            raise DependencyError(
                f"no progress with {self._server} ({reason}): run the command again to resume"
            )
        time.sleep(pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)


def parse_retry_after_s(answer: httpx.Response) -> float:
    """`Retry-After` in seconds, given as such or as a date (RFC 9110, section 10.2.3); 0 if missing or malformed."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
