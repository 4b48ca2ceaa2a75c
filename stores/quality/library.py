"""Great Expectations as this project has it: without Spark, and without a word that nobody asked for."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def context() -> Iterator[Any]:
    """A context of the library's own that is gone after the block. It is imported late: that takes seconds."""
    with _quiet():
        with _without_spark():
            import great_expectations as gx
            import great_expectations.expectations
        found = gx.get_context(mode="ephemeral")
        found.variables.progress_bars = {"globally": False}
        yield found


@contextmanager
def _without_spark() -> Iterator[None]:
    """Let the library find no pyspark, which it would import with its machine learning: 250 modules for pandas frames.

    It takes None in `sys.modules` for "not installed" (importlib's own rule), as its users without Spark have it. A
    pyspark that this process has imported already costs nothing, and stays.
    """
    hidden = "pyspark" not in sys.modules
    if hidden:
        sys.modules["pyspark"] = None  # type: ignore[assignment] # what typeshed has no word for
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
