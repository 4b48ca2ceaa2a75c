"""Rows that an import refused, as rows of `rejected_rows`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from newsreel.console import plain
from schemas.ids import NAMESPACE
from schemas.table import Table
from stores.delta import lake

KEPT_ROWS = 5_000
"""Rows that wait until they are written in one commit."""
KEPT_CHARACTERS = 65_536
FIRST_REASONS = 5
WITHHELD = "(not kept: the row cannot be taken apart, and may hold personal fields)"


class Rejections:
    """What one import refused. Each row is recorded once: a repeat finds it there, by its place and what it held.

    Personal values are left out: nobody could find them here to erase them.
    """

    def __init__(self, declared: Table, path: Path, sha256: str, at: datetime) -> None:
        """`path`, `sha256`: the file; `at`: when its import began."""
        self.count = 0
        self.first: list[str] = []
        """The first few reasons."""
        self._declared, self._name, self._at = declared, path.name, at
        self._run_id = f"import-{sha256[:16]}"
        self._rows: list[dict[str, Any]] = []

    def add(self, place: str, why: str, *, values: Mapping[str, Any] | None = None, text: str = "") -> None:
        """Refuse the row at `place`: its values by column, or its text where it could not be taken apart."""
        if values is not None:
            kept = {
                name: value for name, value in values.items() if name not in self._declared.personal_columns
            }
            text = json.dumps(kept, ensure_ascii=False, default=plain)
        elif self._declared.personal_columns:
            text = WITHHELD
        text = _storable(text)
        reason = _storable(f"{self._name}, {place}: {why}")
        self.count += 1
        if len(self.first) < FIRST_REASONS:
            self.first.append(reason)
        identity = uuid.uuid5(NAMESPACE, f"rejected/{self._declared.name}/{place}/{text}")
        self._rows.append(
            {
                "table_name": self._declared.name,
                "rejected_id": str(identity),
                "run_id": self._run_id,
                "row": text,
                "reason": reason,
                "at": self._at,
            }
        )
        if len(self._rows) >= KEPT_ROWS:
            self.flush()

    def add_row(self, position: int, row: Mapping[str, Any], why: str) -> None:
        """Refuse a row that was good by itself."""
        self.add(f"row {position}", why, values=row)

    def flush(self) -> None:
        """Write what waits; rows that an earlier import refused stay as they are."""
        if self._rows:
            lake().add("rejected_rows", self._rows)
            self._rows = []


def _storable(text: str) -> str:
    """Text that can be written as UTF-8, not longer than a person would read."""
    return text[:KEPT_CHARACTERS].encode(errors="backslashreplace").decode()
