"""`newsreel sql` and `newsreel import`: questions to the lake, and rows for it."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from newsreel import console


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("sql")(sql)
    app.command("import")(import_rows)


def sql(
    query: Annotated[str, typer.Argument(help="One query that reads, over any lake table by name.")],
    output: Annotated[Format, typer.Option("--format", help="How rows are printed.")] = Format.table,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Ask any table of the lake by name; no JVM."""
    from stores.delta import lake

    console.set_json(as_json or output is Format.json)
    tables = lake()
    tables.ensure()
    found = tables.query(query)
    if console.is_json():
        console.emit(found.to_pylist())
    elif output is Format.csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(found.column_names)
        writer.writerows([_cell(value) for value in row.values()] for row in found.to_pylist())
    else:
        console.table("", found.column_names, (row.values() for row in found.to_pylist()))
        console.say(f"{found.num_rows} rows")


def _cell(value: Any) -> str:
    """A value as a CSV cell, as `newsreel import` reads it: nothing for null, lists as JSON."""
    if value is None:
        return ""
    return (
        json.dumps(value, ensure_ascii=False, default=console.plain)
        if isinstance(value, (list, dict))
        else str(console.plain(value))
    )


def import_rows(
    table: Annotated[str, typer.Argument(help="A declared table; docs/tables/ lists them.")],
    file: Annotated[Path, typer.Argument(help="CSV, NDJSON or Parquet; columns go by name.")],
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove the rows with these keys; other columns are ignored.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> int:
    """Bring rows into a lake table, checked against its schema: some landed 0, none did 1 (docs/import.md)."""
    from newsreel.table_import import import_file

    with console.progress() as on_progress:
        found = import_file(table, file, console.say, on_progress, delete=delete)
    for reason in found.reasons:
        console.say(f"  {reason}")
    if found.rejected > len(found.reasons):
        console.say(f"  … and {found.rejected - len(found.reasons)} more")
    if as_json:
        console.emit({name: value for name, value in asdict(found).items() if name != "reasons"})
    else:
        said = "keys are gone" if delete else "rows landed"
        console.stdout().print(f"{table}: {found.landed} of {found.rows} {said}, {found.rejected} rejected")
        if found.rejected:
            query = f"SELECT reason, row FROM rejected_rows WHERE table_name = '{table}'"
            console.stdout().print(f'  newsreel sql "{query}"')
    return 1 if found.rows and not found.landed else 0
