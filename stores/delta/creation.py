"""Creation of the lake's tables, and of columns that are declared later. Tests: tests/stores/delta/test_lake.py."""

from __future__ import annotations

from contextlib import suppress

from deltalake import DeltaTable, Schema
from deltalake.exceptions import CommitFailedError

from schemas.derive.arrow import arrow_schema
from schemas.errors import ConflictError
from schemas.settings import settings
from schemas.table import Table

TEXTS = ("row", "text", "content", "title", "description", "sample", "detail", "reason", "sketch", "reasons")
"""Columns without statistics in the log: they are never searched by range, and may contain texts of people."""


def create_table(location: str, declared: Table) -> None:
    """Create an empty table with its comments; nothing happens if another process has created it."""
    DeltaTable.create(
        location,
        schema=arrow_schema(declared),
        mode="ignore",
        name=declared.name,
        description=declared.comment,
        configuration={
            "delta.enableChangeDataFeed": str(declared.change_data_feed).lower(),
            "delta.deletedFileRetentionDuration": f"interval {settings().retention_days} days",
            "delta.logRetentionDuration": f"interval {settings().retention_days} days",
            # The log outlives files: it must not contain personal values as minima or maxima.
            "delta.dataSkippingStatsColumns": ",".join(
                column.name for column in declared if not column.personal and column.name not in TEXTS
            ),
        },
    )


def add_columns(handle: DeltaTable, declared: Table) -> None:
    """Add the declared columns that are missing; another process may do so at the same time.

    Raises ConflictError for one that is not nullable.
    """
    existing = {field.name for field in handle.schema().fields}
    missing = [
        field for field in Schema.from_arrow(arrow_schema(declared)).fields if field.name not in existing
    ]
    # delta-rs would add it, and then fail on each read of an earlier file.
    if strict := [field.name for field in missing if not field.nullable]:
        raise ConflictError(
            f"table {declared.name} lacks the column {strict[0]}: earlier rows hold null, declare it nullable"
        )
    if missing:
        with suppress(CommitFailedError):
            handle.alter.add_columns(missing)
