"""`newsreel tables` and `newsreel quality`: size and freshness of tables, and results of the quality gate.

Tests: tests/e2e/test_analysts.py.
"""

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
    app.command("tables")(show_tables)
    app.command("quality")(show_quality)


def show_tables(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TABLE", help="Tables to show (default: all).")
    ] = None,
    as_json: Json = False,
) -> int:
    """Show size and freshness of tables.

    `fresh_within_s` is the promise: seconds from a change until its row is in the table. `fresh_s` is the 99th
    percentile of the last seven days.

    Exit status: 0 all promises kept, 1 at least one not kept.
    """
    from newsreel.table_health import table_health
    from schemas.tables import table
    from stores.delta import lake

    for name in names or []:
        table(name)
    store = lake()
    store.ensure()
    healths = list(table_health(store, datetime.now(UTC), names or None))
    if as_json:
        console.emit({"tables": [{**vars(health), "kept": health.kept} for health in healths]})
    else:
        columns = ("table", "rows", "files", "size_bytes", "changed", "fresh_within_s", "fresh_s", "kept")
        words = {True: "yes", False: "NO", None: None}
        rows = [[*vars(health).values(), words[health.kept]] for health in healths]
        console.print_table("", columns, rows)
    late = [health.table for health in healths if health.kept is False]
    if late:
        console.say(f"later than promised: {', '.join(late)}")
    return 1 if late else 0


def show_quality(
    days: Annotated[
        float, typer.Option("--days", min=0.01, metavar="DAYS", help="How many days to look back.")
    ] = 7,
    docs: Annotated[
        Path | None,
        typer.Option(
            "--docs",
            metavar="DIR",
            help="Write Great Expectations' Data Docs to this folder, replacing earlier ones.",
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Show the results of the quality gate by table.

    Exit status: 0 the newest check of every table met all expectations, else 1.
    """
    from stores.delta import lake

    store = lake()
    store.ensure()
    since = datetime.now(UTC) - timedelta(days=days)
    rows = store.query(RESULTS.format(since=since.isoformat())).to_pylist()
    results = [_summarize_table(name, rows) for name in sorted({row["table_name"] for row in rows})]
    index_page = None
    if docs:
        from stores.quality.data_docs import write_data_docs

        index_page = write_data_docs(rows, docs)
    if as_json:
        console.emit({"since": since, "tables": results, "docs": index_page})
    else:
        columns = ("table", "checks", "expectations", "met", "newest", "newest_met", "broke")
        console.print_table("", columns, (result.values() for result in results))
        if not results:
            console.say(f"no checks in the last {days:g} days")
        if index_page:
            console.stdout().print(f"pages: {index_page.as_uri()}")
    return 0 if all(result["newest_met"] for result in results) else 1


def _summarize_table(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Summarize the checks of one table; `broke` lists the unmet expectations of the last failed check."""
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
