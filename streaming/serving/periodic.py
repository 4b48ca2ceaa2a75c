"""Small work that comes again and again beside the requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg

from schemas.errors import NewsreelError

log = logging.getLogger(__name__)


async def repeat(every_s: float, work: Callable[[], Awaitable[Any]]) -> None:
    """Do the work every so many seconds, until cancelled. What does not succeed is tried again the next time."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await work()
        except (NewsreelError, psycopg.Error, OSError) as error:
            log.warning("put off: %s", " ".join(str(error).split()))
