"""Outcomes that a bench writes down as they come, a JSON object a line: what was killed goes on from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_json_lines(path: Path | None) -> Iterator[dict[str, Any]]:
    """The objects of a file that may not be there; a line that was cut off is left out."""
    for line in path.read_text().splitlines() if path and path.exists() else ():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue
