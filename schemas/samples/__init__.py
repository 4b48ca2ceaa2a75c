"""Sample queries of each table, for its page in docs/: `<table>.sql`, each query below its question.

Tests: tests/newsreel/test_samples.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from schemas.table import Table

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    """A question and the query that answers it."""

    question: str
    sql: str


def read_samples(table: Table) -> list[Sample]:
    """The samples of a table, in their order. Raises FileNotFoundError if it has none."""
    samples = []
    for statement in (FOLDER / f"{table.name}.sql").read_text().split(";\n"):
        if statement.strip():
            question, sql = statement.strip().split("\n", 1)
            samples.append(Sample(question.removeprefix("-- "), sql))
    return samples
