"""Periodic background tasks of a server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg

from schemas.errors import NewsreelError

log = logging.getLogger(__name__)


async def run_every(interval_s: float, work: Callable[[], Awaitable[Any]]) -> None:
    """Run `work` at an interval until cancelled. A failure is logged and retried at the next interval."""
    while True:
        await asyncio.sleep(interval_s)
        try:
            await work()
        except (NewsreelError, psycopg.Error, OSError) as error:
            log.warning("background task failed, will retry: %s", " ".join(str(error).split()))
