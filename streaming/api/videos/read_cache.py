"""Answers that are the same for everybody, kept in memory while they are true.

What is read of a video is asked for far more often than it changes. An answer is kept until PostgreSQL tells that the
video has changed, or this process changes it, and `LONGEST_S` at most; while PostgreSQL cannot tell, nothing is kept.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from schemas.channels import MANY, VIDEO_CHANGED
from streaming.serving.pg_listen import Notices

LONGEST_S = 1.0
"""For what changes without a notice: the comments of a video, written by another process."""
VIDEOS = 10_000
"""So many videos at most; of each some pages."""
PAGES = 16

Answer = TypeVar("Answer")


class KeptReads:
    """Answers by video and by what was asked of it: who asks the same again gets the same type."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._kept: dict[str, dict[Hashable, tuple[float, Any]]] = {}
        self._told = 0
        notices.on(VIDEO_CHANGED.name, self.forget, self._forget_all)

    async def get(self, video_id: str, what: Hashable, read: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer that is kept, or what `read` gives, which is kept from now on."""
        now_s = time.monotonic()
        found: tuple[float, Answer] | None = self._kept.get(video_id, {}).get(what)
        if found is not None and found[0] > now_s:
            return found[1]
        told = self._told
        answer = await read()
        # An answer that was read before a change must not be kept after it.
        if self._notices.heard and told == self._told:
            self._keep(video_id, what, now_s + LONGEST_S, answer)
        return answer

    def forget(self, video_id: str) -> None:
        """The video has changed; `*` for all of them."""
        self._told += 1
        if video_id == MANY:
            self._kept.clear()
        else:
            self._kept.pop(video_id, None)

    def _forget_all(self) -> None:
        self.forget(MANY)

    def _keep(self, video_id: str, what: Hashable, until_s: float, answer: object) -> None:
        if len(self._kept) >= VIDEOS:
            self._kept.clear()
        pages = self._kept.setdefault(video_id, {})
        if len(pages) >= PAGES:
            pages.clear()
        pages[what] = (until_s, answer)
