"""`newsreel sql`: questions to the lake."""

from __future__ import annotations

import csv
import sys
from enum import StrEnum
from typing import Annotated

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
        writer.writerows(
            ["" if value is None else console.plain(value) for value in row.values()]
            for row in found.to_pylist()
        )
    else:
        console.table("", found.column_names, (row.values() for row in found.to_pylist()))
        console.say(f"{found.num_rows} rows")
