"""Questions that each table answers, three of them, for its page in docs/: `<table>.sql`, each under what it asks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from schemas.table import Table

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    """What somebody wants to know, and how it is asked."""

    asks: str
    sql: str


def read_samples(table: Table) -> list[Sample]:
    """The samples of a table, in their order. Raises FileNotFoundError where it has none."""
    found = []
    for statement in (FOLDER / f"{table.name}.sql").read_text().split(";\n"):
        if statement.strip():
            asks, sql = statement.strip().split("\n", 1)
            found.append(Sample(asks.removeprefix("-- "), sql))
    return found
