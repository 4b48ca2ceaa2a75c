"""The clip that the project ships."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from schemas.errors import DependencyError


def find_clip() -> Path:
    """The clip that comes with the command; it lies in the package, which need not be imported for that."""
    found = importlib.util.find_spec("newsreel")
    if found is None or found.origin is None:
        raise DependencyError("the package `newsreel` is missing: install the project's wheel")
    return Path(found.origin).parent / "clip" / "big_buck_bunny.mp4"
