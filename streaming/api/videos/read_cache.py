"""In-memory cache of public reads of videos, invalidated by NOTIFY.

Videos are read far more often than they change. A result is cached until PostgreSQL notifies that its video has changed
or this process changes it, and `LONGEST_S` at most; while no notification can arrive, nothing is cached.
Tests: tests/streaming/api/videos/test_videos.py, tests/streaming/consumers/test_cache_invalidator.py.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from schemas.channels import MANY, VIDEO_CHANGED
from streaming.serving.pg_listen import PgListener

LONGEST_S = 1.0
"""Bounds the staleness of changes without a notification: comments written by another process."""
VIDEOS = 10_000
"""Videos cached at most; of each some results."""
RESULTS_PER_VIDEO = 16

Result = TypeVar("Result")


class ReadCache:
    """Results by video and key; the caller uses a key for results of one type only."""

    def __init__(self, listener: PgListener) -> None:
        self._listener = listener
        self._cached: dict[str, dict[Hashable, tuple[float, Any]]] = {}
        self._generation = 0
        listener.subscribe(VIDEO_CHANGED.name, self.invalidate, self._invalidate_all)

    async def get(self, video_id: str, key: Hashable, read: Callable[[], Awaitable[Result]]) -> Result:
        """The cached result, or else that of `read`, which is cached."""
        now_s = time.monotonic()
        cached: tuple[float, Result] | None = self._cached.get(video_id, {}).get(key)
        if cached is not None and cached[0] > now_s:
            return cached[1]
        generation = self._generation
        result = await read()
        # A result that was read before a change must not be cached after it.
        if self._listener.listening and generation == self._generation:
            self._store(video_id, key, now_s + LONGEST_S, result)
        return result

    def invalidate(self, video_id: str) -> None:
        """Drop the results of a video; MANY drops those of all."""
        self._generation += 1
        if video_id == MANY:
            self._cached.clear()
        else:
            self._cached.pop(video_id, None)

    def _invalidate_all(self) -> None:
        self.invalidate(MANY)

    def _store(self, video_id: str, key: Hashable, until_s: float, result: object) -> None:
        if len(self._cached) >= VIDEOS:
            self._cached.clear()
        results = self._cached.setdefault(video_id, {})
        if len(results) >= RESULTS_PER_VIDEO:
            results.clear()
        results[key] = (until_s, result)


async def get_read_cache(request: Request) -> ReadCache:
    """The application's read cache."""
    read_cache: ReadCache = request.app.state.read_cache
    return read_cache


ReadCacheDep = Annotated[ReadCache, Depends(get_read_cache)]
