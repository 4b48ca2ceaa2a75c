"""Commits of Spark to Delta tables that other programs write at the same time."""

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
    """The result of `attempt`, made again on the newest version while other commits come in between.

    Raises ConflictError where that happens too often, or where this process's stage was overtaken.
    """
    from delta import exceptions

    # Siblings: in Python none of them is the other's base.
    conflicts = tuple(getattr(exceptions, kind) for kind in exceptions.__all__)
    for number in range(COMMIT_ATTEMPTS):
        try:
            with guarded():
                return attempt()
        except conflicts:
            time.sleep(COMMIT_BACKOFF_S * 2**number)
    raise ConflictError(
        f"table {name}: other writers committed {COMMIT_ATTEMPTS} times in between; try again"
    )
