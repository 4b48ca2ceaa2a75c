"""`newsreel sql` and `newsreel import`: questions to the lake, and rows for it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from newsreel import console
from newsreel.answer_output import Format
from newsreel.commands.options import Json
from schemas.errors import ForbiddenError, InputError
from schemas.settings import settings


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("sql")(sql)
    app.command("import")(import_rows)


def sql(
    query: Annotated[
        str, typer.Argument(help="One question that reads, over any table by name, as it is or AS OF.")
    ],
    output: Annotated[
        Format | None, typer.Option("--format", help="How rows are written: a table if unsaid.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="A file, .csv, .json or .parquet, in place of stdout.")
    ] = None,
    personal: Annotated[
        bool, typer.Option("--personal", help="Columns too that say who somebody is, where that is allowed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Ask any table of the lake by name; no JVM (docs/analysts.md)."""
    from newsreel import answer_output
    from newsreel.long_question import answered
    from stores.delta import lake

    wanted = Format.json if as_json else output
    console.set_json(wanted is Format.json)
    if personal and settings().personal != "allowed":
        raise ForbiddenError(
            "columns that say who somebody is are shown only where NEWSREEL_PERSONAL=allowed is set"
        )
    target = answer_output.format_of(out, wanted) if out else wanted or Format.table
    tables = lake()
    tables.ensure()
    schema, batches = answered(lambda: tables.ask(query, personal=personal))
    if out:
        rows = answer_output.write_file(out, target, schema, batches)
        console.say(f"{rows:,} row{'' if rows == 1 else 's'} in {out}")
    elif target is Format.table:
        answer_output.show(schema, batches)
    elif target in answer_output.WRITERS:
        answer_output.WRITERS[target](schema, answer_output.begun(batches), sys.stdout)
    elif sys.stdout.isatty():
        raise InputError("parquet is not for a screen: give --out FILE")
    else:
        answer_output.write_parquet(schema, answer_output.begun(batches), sys.stdout.buffer)


def import_rows(
    table: Annotated[str, typer.Argument(help="A declared table; docs/tables/ lists them.")],
    file: Annotated[Path, typer.Argument(help="CSV, NDJSON or Parquet; columns go by name.")],
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove the rows with these keys; other columns are ignored.")
    ] = False,
    as_json: Json = False,
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
