"""Great Expectations, loaded without Spark and without its log output. Tests: tests/stores/test_quality.py."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def open_context() -> Iterator[Any]:
    """An ephemeral context of the library, for the block. The library is imported here: that takes seconds."""
    with _quiet():
        with _without_spark():
            import great_expectations as gx
            import great_expectations.expectations
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        yield context


@contextmanager
def _without_spark() -> Iterator[None]:
    """Hide pyspark from the library, which would import it with its machine learning: 250 modules for pandas frames.

    None in `sys.modules` means "not installed" (importlib's own rule). A pyspark that this process has imported already
    costs nothing, and stays.
    """
    hidden = "pyspark" not in sys.modules
    if hidden:
        sys.modules["pyspark"] = None  # type: ignore[assignment] # typeshed does not allow None
    try:
        yield
    finally:
        if hidden:
            del sys.modules["pyspark"]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library from logging a screenful, drawing progress bars and reporting its use."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)
