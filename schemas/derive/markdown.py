"""Pages of the declared tables in docs/tables/, and the list of shard keys.

Tests: tests/schemas/test_derived_forms.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from schemas.derive.lineage import Graph, render_mermaid
from schemas.samples import Sample
from schemas.table import Column, Table


def render_page(table: Table, of: Graph, asked: Iterable[Sample], fresh_s: float | None = None) -> str:
    """A table's page: its row, key, writer, freshness, columns, lineage and sample queries.

    `of`: the lineage of all tables. `fresh_s`: the measured freshness, in seconds.
    """
    engine = f"{table.writer}; small changes {table.small_writer}" if table.small_writer else table.writer
    lines = [
        f"# {table.name}",
        "",
        table.comment,
        "",
        f"- One row: {table.row}.",
        f"- Key: {', '.join(f'`{name}`' for name in table.key)}.",
        f"- Written by: {table.written_by} (engine: {engine}). Owner: {table.owner}.",
        f"- Available {_fresh(table, fresh_s)}.",
        *_live(table),
        "",
        "| column | type | unit | nullable | description |",
        "|---|---|---|---|---|",
        *(_line(column) for column in table),
        "",
        "## Lineage",
        render_mermaid(table.name, of),
        "",
        "## Sample queries",
        *(f"{sample.question}\n```sql\n{sample.sql}\n```" for sample in asked),
        "",
    ]
    return "\n".join(lines)


def render_index(tables: Iterable[Table]) -> str:
    """The page that lists all tables."""
    lines = [
        "# Tables",
        "",
        "Query them with `newsreel sql`, or read them with `stores.delta.read` ([analysts.md](../analysts.md)).",
        "`newsreel tables` prints their current size and freshness. `python -m newsreel.derived` writes these pages.",
        "",
        "![lineage of the tables](lineage.svg)",
        "",
        "Blue: written by Spark, small changes by delta-rs; green: written by delta-rs.",
        "",
        "| table | one row | available |",
        "|---|---|---|",
        *(f"| [{table.name}]({table.name}.md) | {table.row} | {_promise(table)} |" for table in tables),
        "",
    ]
    return "\n".join(lines)


def render_shard_keys(tables: Iterable[Table]) -> str:
    """The shard keys of the live tables, for docs/scaling/partitioning.md."""
    lines = [
        f"| [{table.name}](../tables/{table.name}.md) | {', '.join(f'`{name}`' for name in table.key)}"
        f" | `{table.shard_key}` | {'yes' if table.shard_key in table.key else '**no**'}"
        f" | {table.partitions if table.partitions > 1 else ''} |"
        for table in tables
    ]
    heads = ["| table | key | shard key | in the key | partitions by its hash |", "|---|---|---|---|---|"]
    return "\n".join(heads + lines)


def _promise(table: Table) -> str:
    return (
        f"within {table.fresh_within_s} s" if table.fresh_within_s else "at the end of the run that writes it"
    )


def _fresh(table: Table, fresh_s: float | None) -> str:
    if fresh_s is None:
        return _promise(table)
    return f"{_promise(table)}; in the demo's lake after {fresh_s:.1f} s ([measured](freshness.json))"


def _live(table: Table) -> list[str]:
    """Where a live table is stored, its shard key, and the counters of its rows."""
    if not table.live:
        return []
    stored = f"- Stored live in PostgreSQL; shard key `{table.shard_key}`"
    lines = [
        f"{stored}, {table.partitions} partitions by its hash." if table.partitions > 1 else f"{stored}."
    ]
    if table.counters:
        names = ", ".join(f"`videos.{counter.column}`" for counter in table.counters)
        lines.append(f"- Counted in {names}, by the trigger function `tally_{table.name}()`.")
    return lines


def _line(column: Column) -> str:
    says = column.comment
    if column.allowed:
        says += f" One of {', '.join(f'`{value}`' for value in column.allowed)}."
    if column.personal:
        says += " **Personal.**"
    null = "yes" if column.nullable else "no"
    return f"| `{column.name}` | {column.type} | {column.unit or ''} | {null} | {says} |"
