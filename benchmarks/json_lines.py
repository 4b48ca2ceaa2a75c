"""Reader of the JSON Lines files in which a bench saves its outcomes, so that an interrupted one can resume.

Tests: tests/benchmarks/test_api.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_json_lines(path: Path | None) -> Iterator[dict[str, Any]]:
    """Objects of a file, none if it is missing; truncated lines are skipped."""
    for line in path.read_text().splitlines() if path and path.exists() else ():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue
