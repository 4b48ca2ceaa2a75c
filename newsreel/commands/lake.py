"""`newsreel sql` and `newsreel import`: queries of the lake's tables, and rows into them.

Tests: tests/newsreel/test_sql.py, tests/newsreel/test_import.py.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from newsreel import console
from newsreel.commands.options import Json
from newsreel.query_output import Format
from schemas.errors import ForbiddenError, InputError
from schemas.settings import settings


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("sql")(run_query)
    app.command("import")(import_rows)


def run_query(
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY", help="One read-only SQL statement; `TABLE AS OF TIME` reads an earlier version."
        ),
    ],
    output: Annotated[Format | None, typer.Option("--format", help="Output format (default: table).")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write rows to this .csv, .json or .parquet file, not to stdout."
        ),
    ] = None,
    personal: Annotated[
        bool,
        typer.Option("--personal", help="Include personal columns; needs NEWSREEL_PERSONAL=allowed."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
) -> None:
    """Query the lake's tables by name, without a JVM.

    The SQL dialect is DataFusion's; see docs/analysts.md. Prints at most 1,000 rows as a table, all rows in the other
    formats.
    """
    from newsreel import query_output
    from newsreel.query_progress import run_with_progress
    from stores.delta import lake

    given_format = Format.json if as_json else output
    console.set_json(given_format is Format.json)
    if personal and settings().personal != "allowed":
        raise ForbiddenError("Personal columns are not allowed: --personal needs NEWSREEL_PERSONAL=allowed")
    target = query_output.choose_format(out, given_format) if out else given_format or Format.table
    tables = lake()
    tables.ensure()
    schema, batches = run_with_progress(lambda: tables.ask(query, personal=personal))
    if out:
        rows = query_output.write_file(out, target, schema, batches)
        console.say(f"{rows:,} row{'' if rows == 1 else 's'} in {out}")
    elif target is Format.table:
        query_output.print_rows(schema, batches)
    elif target in query_output.WRITERS:
        query_output.WRITERS[target](schema, query_output.prefetch(batches), sys.stdout)
    elif sys.stdout.isatty():
        raise InputError("Invalid --format parquet: it cannot be printed on a terminal; add --out FILE")
    else:
        query_output.write_parquet(schema, query_output.prefetch(batches), sys.stdout.buffer)


def import_rows(
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="A table of the lake; docs/tables/ lists them.")
    ],
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A CSV, NDJSON or Parquet file; columns are matched by name."),
    ],
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the rows with these keys; other columns are ignored.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Upsert the rows of a file into a table.

    Each row is checked against the table's schema; invalid rows go to `rejected_rows` with the reason. A repeat
    changes nothing. See docs/import.md.

    Exit status: 0 at least one row landed or the file has none, 1 all rows were rejected.
    """
    from newsreel.table_import import import_file

    with console.progress() as on_progress:
        result = import_file(table, file, console.say, on_progress, delete=delete)
    for reason in result.reasons:
        console.say(f"  {reason}")
    if result.rejected > len(result.reasons):
        console.say(f"  … and {result.rejected - len(result.reasons)} more")
    if as_json:
        console.emit({name: value for name, value in asdict(result).items() if name != "reasons"})
    else:
        outcome = "keys deleted" if delete else "rows landed"
        console.stdout().print(
            f"{table}: {result.landed} of {result.rows} {outcome}, {result.rejected} rejected"
        )
        if result.rejected:
            query = f"SELECT reason, row FROM rejected_rows WHERE table_name = '{table}'"
            console.stdout().print(f'  newsreel sql "{query}"')
    return 1 if result.rows and not result.landed else 0
