"""Retry with backoff for Spark's commits to Delta tables that have concurrent writers.

Tests: tests/jobs/test_match_video.py, tests/jobs/test_refresh_tables.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from schemas.errors import ConflictError
from stores.fence import guarded

T = TypeVar("T")

COMMIT_ATTEMPTS = 8
COMMIT_BACKOFF_S = 0.2


def commit_with_retry(name: str, attempt: Callable[[], T]) -> T:
    """The result of `attempt`, which is retried on the newest version after a conflict with another commit.

    Raises ConflictError after COMMIT_ATTEMPTS conflicts, or if a later attempt of this process's stage holds the fence.
    """
    from delta import exceptions

    # In Python the exceptions have no common base class of their own.
    conflicts = tuple(getattr(exceptions, kind) for kind in exceptions.__all__)
    for number in range(COMMIT_ATTEMPTS):
        try:
            with guarded():
                return attempt()
        except conflicts:
            time.sleep(COMMIT_BACKOFF_S * 2**number)
    raise ConflictError(
        f"table {name}: {COMMIT_ATTEMPTS} attempts conflicted with commits of other writers; try again"
    )
