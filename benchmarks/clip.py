"""Path of the demo clip that the project ships.

Tests: tests/e2e/test_kills.py.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from schemas.errors import DependencyError


def find_clip() -> Path:
    """The demo clip, found without importing the package that contains it."""
    spec = importlib.util.find_spec("newsreel")
    if spec is None or spec.origin is None:
        raise DependencyError("the package `newsreel` is missing: install the project's wheel")
    return Path(spec.origin).parent / "clip" / "big_buck_bunny.mp4"
