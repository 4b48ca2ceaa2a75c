"""`newsreel tables`, `rebuild` and `quality`: size, freshness and soundness of tables; results of the quality gate.

Tests: tests/e2e/test_analysts.py, tests/newsreel/test_tables.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
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
    app.command("rebuild")(rebuild_table)
    app.command("quality")(show_quality)


def show_tables(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TABLE", help="Tables to show (default: all).")
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Read every file once; find damaged files and keys of more than one row."
        ),
    ] = False,
    as_json: Json = False,
) -> int:
    """Show size and freshness of tables, or verify them.

    `fresh_within_s` is the promise: seconds from a change until its row is in the table. `fresh_s` is the 99th
    percentile of the last seven days.

    Exit status: 0 all promises kept, 1 at least one not kept; with --verify: 0 all sound, 1 something was found.
    """
    from newsreel.table_health import table_health
    from schemas.tables import TABLES, table
    from stores.delta import lake

    for name in names or []:
        table(name)
    store = lake()
    store.ensure()
    if verify:
        return _verify_tables(names or list(TABLES), as_json)
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


def _verify_tables(names: Sequence[str], as_json: bool) -> int:
    from stores.delta import lake
    from stores.delta.verification import verify_table

    found = []
    with console.progress() as on_progress:
        for number, name in enumerate(names):
            on_progress(number, len(names), name)
            found.append(verify_table(lake(), name))
        on_progress(len(names), len(names), "")
    if as_json:
        console.emit({"tables": [asdict(one) for one in found]})
    else:
        columns = ("table", "version", "files", "rows", "damaged_files", "doubled_keys")
        rows = [
            (one.table, one.version, one.files, one.rows, len(one.damaged), one.doubled_keys) for one in found
        ]
        console.print_table("", columns, rows)
    bad = [one for one in found if not one.sound]
    for one in bad:
        for file in one.damaged:
            console.say(f"{one.table}: {file.path}: {file.reason}")
        if one.doubled_keys:
            console.say(f"{one.table}: keys with more than one row, for example {', '.join(one.examples)}")
        console.say(f"{one.table}: `newsreel rebuild {one.table}` makes it again")
    return 1 if bad else 0


def rebuild_table(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="A table of the lake.")],
    as_json: Json = False,
) -> int:
    """Make a table again, in one commit.

    A copy of a PostgreSQL table is made from all events; any other table keeps one row of each key. Waits for a refresh
    or the nightly maintenance. Queries see the old rows until the end.
    """
    from jobs.rebuild_table import rebuild
    from newsreel.embedded.servers import database
    from schemas.tables import table
    from stores.delta import lake
    from stores.delta.maintenance import measure_size

    table(name)
    with database():
        lake().ensure()
        before = measure_size(lake(), name).rows
        rows = rebuild(name, f"rebuild-{uuid.uuid4()}")
    if as_json:
        console.emit({"table": name, "rows_before": before, "rows": rows})
    else:
        console.stdout().print(f"{name}: {rows:,} rows, {before:,} before")
    return 0


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
