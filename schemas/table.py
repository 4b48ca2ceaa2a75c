"""What a table is: columns with type, unit and comment, a key, one writer. Engines' forms are derived from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from schemas.counters import Counter

ColumnType = Literal["string", "int64", "float64", "boolean", "timestamp", "date", "binary", "list<string>"]
Writer = Literal["spark", "delta-rs"]


@dataclass(frozen=True)
class Column:
    """One column. `unit` is also in the name where it is a physical one; `allowed`, `minimum`, `maximum` bound it."""

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
    """What the live row starts with where its writer says nothing."""
    identifier: bool = False
    """Holds an id of ours or of whoever it was imported from, as `schemas.rows` checks it."""
    derived: bool = False
    """Our own programs find it out: an import need not bring it, and then leaves what the row holds."""


@dataclass(frozen=True)
class Table:
    """One table of the lake; `live` tables are held by PostgreSQL and reach the lake as events."""

    name: str
    comment: str
    row: str
    """What one row is, for someone who has never seen the table."""
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    writer: Writer
    owner: str
    written_by: str
    """The programs that write it."""
    fresh_within_s: int | None
    """Seconds after the fact by which a row is there; None where a run's end decides."""
    made_from: tuple[str, ...] = ()
    """Tables that its rows are made of."""
    small_writer: Writer | None = None
    """Who writes small changes in `writer`'s place. The same program, in its one turn at the table: never both at once
    (docs/adr/0007-small-refresh-and-driver.md). None where the table is clustered, which delta-rs cannot write."""
    live: bool = False
    change_data_feed: bool = False
    computed: tuple[str, ...] = ()
    """Names that readers know as columns and that are computed when read: no row holds them."""
    shard_key: str | None = None
    """Of a live table: the column by which its rows are spread over databases, and over partitions."""
    partitions: int = 1
    """Of a live table: how many partitions PostgreSQL keeps it in, by a hash of `shard_key`."""
    indexes: tuple[tuple[str, ...], ...] = ()
    """Of a live table: columns by which it is looked up besides its key."""
    counters: tuple[Counter, ...] = ()
    """Of a live table: columns of `videos` that count its rows, by the trigger function `tally_<table>()`."""
    ordered_pair: bool = False
    """The key is two ids, and the lower one, by code point, comes first."""

    def __post_init__(self) -> None:
        """Refuse a key that is no column, or that may be null, and a shard key that is not part of it."""
        if self.partitions > 1 and self.shard_key not in self.key:
            raise ValueError(f"{self.name} is partitioned by {self.shard_key}, which is not in its key")
        for name in self.key:
            if self.column(name).nullable:
                raise ValueError(f"{self.name}.{name} is a key column and cannot be nullable")

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def column(self, name: str) -> Column:
        """The column called `name`; KeyError where there is none."""
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
        """The column that says since when there is the row, where there is one: rows of one time lie together."""
        return next((name for name in ("created", "creation_time") if name in self.column_names), None)

    @property
    def personal_columns(self) -> list[str]:
        """Columns that say who somebody is: never in events, hidden from analysts unless asked for."""
        return [column.name for column in self.columns if column.personal]
