"""Common part of live tables: PostgreSQL stores them, and `refresh_tables` derives the lake's copies from events."""

from __future__ import annotations

from schemas.counters import Counter
from schemas.table import Column, Table


def live_table(
    *,
    name: str,
    comment: str,
    row: str,
    key: tuple[str, ...],
    owner: str,
    columns: tuple[Column, ...],
    shard_key: str,
    computed: tuple[str, ...] = (),
    partitions: int = 1,
    indexes: tuple[tuple[str, ...], ...] = (),
    counters: tuple[Counter, ...] = (),
    ordered_pair: bool = False,
) -> Table:
    """The declaration of a table that people change through the API."""
    return Table(
        name=name,
        comment=comment,
        row=row,
        key=key,
        columns=columns,
        writer="spark",
        small_writer="delta-rs",
        owner=owner,
        written_by="jobs.refresh_tables",
        fresh_within_s=600,
        made_from=("events",),
        live=True,
        computed=computed,
        shard_key=shard_key,
        partitions=partitions,
        indexes=indexes,
        counters=counters,
        ordered_pair=ordered_pair,
    )
