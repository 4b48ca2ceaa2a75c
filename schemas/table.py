"""Declaration of a table: columns with type, unit and comment, a key, one writer; engines' forms are derived from it.

Tests: tests/schemas/test_derived_forms.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from schemas.counters import Counter

ColumnType = Literal["string", "int64", "float64", "boolean", "timestamp", "date", "binary", "list<string>"]
Writer = Literal["spark", "delta-rs"]


@dataclass(frozen=True)
class Column:
    """One column. A physical unit is also in the name; `allowed`, `minimum` and `maximum` bound the values."""

    name: str
    type: ColumnType
    comment: str
    nullable: bool = False
    personal: bool = False
    unique: bool = False
    unit: str | None = None
    allowed: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    default: str | int | tuple[()] | None = None
    """Value of a new live row whose writer sets none."""
    identifier: bool = False
    """An id, ours or imported, as `schemas.rows` checks it."""
    derived: bool = False
    """Computed by our own programs: an import without it keeps the row's value."""


@dataclass(frozen=True)
class Table:
    """One table of the lake; `live` tables are stored in PostgreSQL and reach the lake as events."""

    name: str
    comment: str
    row: str
    """Meaning of one row, for a reader who has never seen the table."""
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    writer: Writer
    owner: str
    written_by: str
    """The programs that write it."""
    fresh_within_s: int | None
    """Seconds after the change until its row is available; None: at the end of the run that writes it."""
    made_from: tuple[str, ...] = ()
    """Tables that its rows are derived from."""
    small_writer: Writer | None = None
    """Engine of small changes, in `writer`'s place: used by the same program under the same lock, never at the same
    time (docs/adr/0007-small-refresh-and-driver.md). None for a clustered table, which delta-rs cannot write."""
    live: bool = False
    change_data_feed: bool = False
    computed: tuple[str, ...] = ()
    """Names that the API shows as columns, and computes on each read: no row stores them."""
    shard_key: str | None = None
    """Of a live table: the column that distributes its rows over databases and partitions."""
    partitions: int = 1
    """Of a live table: the number of its partitions in PostgreSQL, by a hash of `shard_key`."""
    indexes: tuple[tuple[str, ...], ...] = ()
    """Of a live table: the columns of each index besides the key's."""
    counters: tuple[Counter, ...] = ()
    """Of a live table: columns of `videos` that count its rows, by the trigger function `tally_<table>()`."""
    ordered_pair: bool = False
    """The key is two ids, and the lower one, by code point, comes first."""

    def __post_init__(self) -> None:
        """Raises KeyError and ValueError for an unknown or nullable key column, and for a shard key outside the key."""
        if self.partitions > 1 and self.shard_key not in self.key:
            raise ValueError(f"{self.name} is partitioned by {self.shard_key}, which is not in its key")
        for name in self.key:
            if self.column(name).nullable:
                raise ValueError(f"{self.name}.{name} is a key column and cannot be nullable")

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def column(self, name: str) -> Column:
        """The column called `name`. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def column_names(self) -> list[str]:
        """Names in the declared order."""
        return [column.name for column in self.columns]

    @property
    def born(self) -> str | None:
        """The column with the row's time of creation, if there is one: files hold rows of neighbouring times."""
        return next((name for name in ("created", "creation_time") if name in self.column_names), None)

    @property
    def personal_columns(self) -> list[str]:
        """Columns that identify a person: never in events, hidden from analysts by default."""
        return [column.name for column in self.columns if column.personal]
