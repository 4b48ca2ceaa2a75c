"""Rejected rows of an import, written to the table `rejected_rows`.

Tests: tests/newsreel/test_import.py.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from newsreel.console import to_json
from schemas.ids import NAMESPACE
from schemas.table import Table
from stores.delta import lake

BUFFER_ROWS = 5_000
"""Rows buffered before one commit."""
MAX_CHARACTERS = 65_536
FIRST_REASONS = 5
WITHHELD = "(not kept: the row cannot be parsed, and may hold personal fields)"


class Rejections:
    """Rejected rows of one import, recorded idempotently: the id is derived from a row's position and content.

    Personal values are left out, because erasing an account does not reach `rejected_rows`.
    """

    def __init__(self, declared: Table, path: Path, sha256: str, at: datetime) -> None:
        """`path`, `sha256`: the imported file; `at`: start of the import."""
        self.count = 0
        self.first: list[str] = []
        """The first `FIRST_REASONS` reasons."""
        self._declared, self._name, self._at = declared, path.name, at
        self._run_id = f"import-{sha256[:16]}"
        self._rows: list[dict[str, Any]] = []

    def add(self, place: str, why: str, *, values: Mapping[str, Any] | None = None, text: str = "") -> None:
        """Reject the row at `place`, given as values by column, or as `text` if it could not be parsed."""
        if values is not None:
            public = {
                name: value for name, value in values.items() if name not in self._declared.personal_columns
            }
            text = json.dumps(public, ensure_ascii=False, default=to_json)
        elif self._declared.personal_columns:
            text = WITHHELD
        text = _clean_text(text)
        reason = _clean_text(f"{self._name}, {place}: {why}")
        self.count += 1
        if len(self.first) < FIRST_REASONS:
            self.first.append(reason)
        rejected_id = uuid.uuid5(NAMESPACE, f"rejected/{self._declared.name}/{place}/{text}")
        self._rows.append(
            {
                "table_name": self._declared.name,
                "rejected_id": str(rejected_id),
                "run_id": self._run_id,
                "row": text,
                "reason": reason,
                "at": self._at,
            }
        )
        if len(self._rows) >= BUFFER_ROWS:
            self.flush()

    def add_row(self, position: int, row: Mapping[str, Any], why: str) -> None:
        """Reject a row that is valid by itself, such as one that breaks a unique constraint."""
        self.add(f"row {position}", why, values=row)

    def flush(self) -> None:
        """Write the buffered rows; rows that an earlier import rejected stay unchanged."""
        if self._rows:
            lake().add("rejected_rows", self._rows)
            self._rows = []


def _clean_text(text: str) -> str:
    """Truncate to `MAX_CHARACTERS`, and escape what UTF-8 cannot encode."""
    return text[:MAX_CHARACTERS].encode(errors="backslashreplace").decode()
