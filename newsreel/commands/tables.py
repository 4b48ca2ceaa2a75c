"""`newsreel tables` and `newsreel quality`: how the lake's tables are, and what the quality gate found in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from newsreel import console
from newsreel.commands.options import Json

RESULTS = "SELECT * FROM quality_results WHERE at >= TIMESTAMP '{since}' ORDER BY at, table_name, expectation"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("tables")(tables)
    app.command("quality")(quality)


def tables(
    names: Annotated[list[str] | None, typer.Argument(help="Some tables; all of them if unsaid.")] = None,
    as_json: Json = False,
) -> int:
    """Say how large and how fresh tables are: all promises kept 0, one not kept 1."""
    from newsreel.table_health import table_health
    from schemas.tables import table
    from stores.delta import lake

    for name in names or []:
        table(name)
    store = lake()
    store.ensure()
    found = list(table_health(store, datetime.now(UTC), names or None))
    if as_json:
        console.emit({"tables": [{**vars(one), "kept": one.kept} for one in found]})
    else:
        columns = ("table", "rows", "files", "size_bytes", "changed", "fresh_within_s", "fresh_s", "kept")
        rows = [[*vars(one).values(), {True: "yes", False: "NO", None: None}[one.kept]] for one in found]
        console.table("", columns, rows)
    late = [one.table for one in found if one.kept is False]
    if late:
        console.say(f"later than promised: {', '.join(late)}")
    return 1 if late else 0


def quality(
    days: Annotated[float, typer.Option("--days", min=0.01, help="How far back.")] = 7,
    docs: Annotated[
        Path | None, typer.Option("--docs", help="A folder for Great Expectations' own pages; replaced.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Say what the quality gate found lately: the newest check of each table met all expectations 0, else 1."""
    from stores.delta import lake

    store = lake()
    store.ensure()
    since = datetime.now(UTC) - timedelta(days=days)
    rows = store.query(RESULTS.format(since=since.isoformat())).to_pylist()
    found = [_of_table(name, rows) for name in sorted({row["table_name"] for row in rows})]
    page = None
    if docs:
        from stores.quality.data_docs import write_data_docs

        page = write_data_docs(rows, docs)
    if as_json:
        console.emit({"since": since, "tables": found, "docs": page})
    else:
        columns = ("table", "checks", "expectations", "met", "newest", "newest_met", "broke")
        console.table("", columns, (row.values() for row in found))
        if not found:
            console.say(f"nothing was checked in the last {days:g} days")
        if page:
            console.stdout().print(f"pages: {page.as_uri()}")
    return 0 if all(row["newest_met"] for row in found) else 1


def _of_table(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What was found in one table; `broke`: what the last check that failed did not meet."""
    own = [row for row in rows if row["table_name"] == name]
    failed = [row for row in own if not row["success"]]
    newest = own[-1]["run_id"]
    return {
        "table": name,
        "checks": len({row["run_id"] for row in own}),
        "expectations": len(own),
        "met": len(own) - len(failed),
        "newest": own[-1]["at"],
        "newest_met": all(row["success"] for row in own if row["run_id"] == newest),
        "broke": [row["expectation"] for row in failed if row["run_id"] == failed[-1]["run_id"]],
    }
