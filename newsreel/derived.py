"""`python -m newsreel.derived`: write what is derived from the declarations and committed: pages and golden files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from schemas.derive.arrow import arrow_schema
from schemas.derive.expectations import expectations
from schemas.derive.markdown import page, shard_keys
from schemas.derive.spark import spark_schema
from schemas.derive.sql import definition
from schemas.table import Table
from schemas.tables import LIVE_TABLES, TABLES

SHARD_KEYS = re.compile(r"(<!-- shard keys: .*? -->\n).*?(<!-- end of shard keys -->)", re.DOTALL)


def forms(declared: Table) -> str:
    """All forms of one table as one text, for a reader of a diff: its golden file."""
    parts = [
        "-- arrow",
        arrow_schema(declared).remove_metadata().to_string(show_field_metadata=False),
        "-- spark",
        json.dumps([field.simpleString() for field in spark_schema(declared)], indent=1),
        "-- expectations",
        "\n".join(f"{name} {json.dumps(arguments)}" for name, arguments in expectations(declared)),
    ]
    if declared.live:
        parts += ["-- sql", *definition(declared)]
    return "\n".join(parts) + "\n"


def write(folder: Path, suffix: str, form: Callable[[Table], str]) -> None:
    """Write one file for each declared table, and remove those of tables that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(f"*{suffix}"):
        stale.unlink()
    for declared in TABLES.values():
        (folder / f"{declared.name}{suffix}").write_text(form(declared))


def with_shard_keys(text: str) -> str:
    """The page with the list of shard keys as it is declared now."""
    return SHARD_KEYS.sub(rf"\g<1>\n{shard_keys(LIVE_TABLES)}\n\n\g<2>", text)


if __name__ == "__main__":
    write(Path("docs/tables"), ".md", page)
    write(Path("tests/schemas/golden"), ".txt", forms)
    partitioning = Path("docs/scaling/partitioning.md")
    partitioning.write_text(with_shard_keys(partitioning.read_text()))
