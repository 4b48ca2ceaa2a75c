"""The page of each declared table in docs/tables/, and by what live ones are spread."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.derive.lineage import Graph, render_mermaid
from schemas.samples import Sample
from schemas.table import Column, Table


def render_page(table: Table, of: Graph, asked: Iterable[Sample], fresh_s: float | None = None) -> str:
    """The table for a reader: what a row is, who writes it, how fresh it is, each column, its origin, questions to it.

    `of`: the lineage of all tables. `fresh_s`: how fresh it was where that was measured.
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
        f"- There {_fresh(table, fresh_s)}.",
        *_live(table),
        "",
        "| column | type | unit | may be null | what it says |",
        "|---|---|---|---|---|",
        *(_line(column) for column in table),
        "",
        "## Where it comes from, and what is made of it",
        render_mermaid(table.name, of),
        "",
        "## Ask it",
        *(f"{sample.asks}\n```sql\n{sample.sql}\n```" for sample in asked),
        "",
    ]
    return "\n".join(lines)


def render_index(tables: Iterable[Table]) -> str:
    """The page that lists all tables."""
    lines = [
        "# Tables",
        "",
        "Ask any of them by name: `newsreel sql`, or `stores.delta.read` ([analysts.md](../analysts.md)).",
        "How large and how fresh they are now: `newsreel tables`. `python -m newsreel.derived` makes these pages.",
        "",
        "![what is made of what](lineage.svg)",
        "",
        "Blue: written by Spark, small changes by delta-rs; green: by delta-rs.",
        "",
        "| table | one row | there |",
        "|---|---|---|",
        *(f"| [{table.name}]({table.name}.md) | {table.row} | {_promise(table)} |" for table in tables),
        "",
    ]
    return "\n".join(lines)


def render_shard_keys(tables: Iterable[Table]) -> str:
    """By what the rows of live tables are spread, for docs/scaling/partitioning.md."""
    lines = [
        f"| [{table.name}](../tables/{table.name}.md) | {', '.join(f'`{name}`' for name in table.key)}"
        f" | `{table.shard_key}` | {'yes' if table.shard_key in table.key else '**no**'}"
        f" | {table.partitions if table.partitions > 1 else ''} |"
        for table in tables
    ]
    heads = ["| table | key | shard key | in the key | partitions by its hash |", "|---|---|---|---|---|"]
    return "\n".join(heads + lines)


def _promise(table: Table) -> str:
    return f"within {table.fresh_within_s} s" if table.fresh_within_s else "when the run that writes it ends"


def _fresh(table: Table, fresh_s: float | None) -> str:
    if fresh_s is None:
        return _promise(table)
    return f"{_promise(table)}; in the demo's lake after {fresh_s:.1f} s ([measured](freshness.json))"


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
