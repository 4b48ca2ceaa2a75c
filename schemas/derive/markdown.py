"""The page of each declared table in docs/tables/, and by what live ones are spread."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.table import Column, Table


def page(table: Table) -> str:
    """The table for a reader: what a row is, who writes it, how fresh it is, each column."""
    fresh = f"within {table.fresh_within_s} s" if table.fresh_within_s else "when the run that writes it ends"
    engine = f"{table.writer}; small changes {table.small_writer}" if table.small_writer else table.writer
    lines = [
        f"# {table.name}",
        "",
        table.comment,
        "",
        f"- One row: {table.row}.",
        f"- Key: {', '.join(f'`{name}`' for name in table.key)}.",
        f"- Written by: {table.written_by} (engine: {engine}). Owner: {table.owner}.",
        f"- There {fresh}.",
        *_live(table),
        "",
        "| column | type | unit | may be null | what it says |",
        "|---|---|---|---|---|",
        *(_line(column) for column in table),
        "",
    ]
    return "\n".join(lines)


def shard_keys(tables: Iterable[Table]) -> str:
    """By what the rows of live tables are spread, for docs/scaling/partitioning.md."""
    lines = [
        f"| [{table.name}](../tables/{table.name}.md) | {', '.join(f'`{name}`' for name in table.key)}"
        f" | `{table.shard_key}` | {'yes' if table.shard_key in table.key else '**no**'}"
        f" | {table.partitions if table.partitions > 1 else ''} |"
        for table in tables
    ]
    heads = ["| table | key | shard key | in the key | partitions by its hash |", "|---|---|---|---|---|"]
    return "\n".join(heads + lines)


def _live(table: Table) -> list[str]:
    """Where PostgreSQL holds it, and by what its rows are spread."""
    if not table.live:
        return []
    spread = f"- Held live by PostgreSQL; shard key `{table.shard_key}`"
    return [f"{spread}, {table.partitions} partitions by its hash." if table.partitions > 1 else f"{spread}."]


def _line(column: Column) -> str:
    says = column.comment
    if column.allowed:
        says += f" One of {', '.join(f'`{value}`' for value in column.allowed)}."
    if column.personal:
        says += " **Personal.**"
    null = "yes" if column.nullable else "no"
    return f"| `{column.name}` | {column.type} | {column.unit or ''} | {null} | {says} |"
