"""`python -m newsreel.derived`: write the committed forms of the declarations: pages, golden files, migrations.

Tests: tests/schemas/test_derived_forms.py, tests/stores/migrations/test_difference.py.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psycopg

from newsreel.embedded.postgres import EmbeddedPostgres
from schemas.derive.arrow import arrow_schema
from schemas.derive.expectations import list_expectations
from schemas.derive.lineage import build_graph, render_picture
from schemas.derive.markdown import render_index, render_page, render_shard_keys
from schemas.derive.spark import spark_schema
from schemas.derive.sql import definition
from schemas.errors import NewsreelError
from schemas.samples import read_samples
from schemas.table import Table
from schemas.tables import LIVE_TABLES, TABLES
from stores import migrations
from stores.migrations.draft import draft_statements, write_migration

FRESHNESS = "freshness.json"
"""Output of `newsreel tables --json` for the demo's lake, with the conditions of the measurement."""
SHARD_KEYS = re.compile(r"(<!-- shard keys: .*? -->\n).*?(<!-- end of shard keys -->)", re.DOTALL)
PAGES = Path("docs/tables")
GOLDEN = Path("tests/schemas/golden")
PARTITIONING = Path("docs/scaling/partitioning.md")


def render_forms(declared: Table) -> str:
    """All forms of one table as one text, for a reader of a diff: its golden file."""
    parts = [
        "-- arrow",
        arrow_schema(declared).remove_metadata().to_string(show_field_metadata=False),
        "-- spark",
        json.dumps([field.simpleString() for field in spark_schema(declared)], indent=1),
        "-- expectations",
        "\n".join(f"{name} {json.dumps(arguments)}" for name, arguments in list_expectations(declared)),
    ]
    if declared.live:
        parts += ["-- sql", *definition(declared)]
    return "\n".join(parts) + "\n"


def replace_shard_keys(text: str) -> str:
    """The page on partitioning with the list of shard keys as declared."""
    return SHARD_KEYS.sub(rf"\g<1>\n{render_shard_keys(LIVE_TABLES)}\n\n\g<2>", text)


def render_pages(folder: Path) -> dict[Path, str]:
    """The files of the folder of pages; measured freshness is read from the file that is there."""
    measured = json.loads((folder / FRESHNESS).read_text())["tables"]
    fresh_s = {row["table"]: row["fresh_s"] for row in measured}
    lineage = build_graph(TABLES.values())
    pages = {
        declared.name: render_page(declared, lineage, read_samples(declared), fresh_s.get(declared.name))
        for declared in TABLES.values()
    }
    return {
        **{folder / f"{name}.md": text for name, text in pages.items()},
        folder / "README.md": render_index(TABLES.values()),
        folder / "lineage.svg": render_picture(TABLES.values()),
    }


def write_forms() -> None:
    """Write pages and golden files; those of tables that are not declared any more are removed."""
    pages = render_pages(PAGES)
    for stale in {*PAGES.glob("*.md"), *GOLDEN.glob("*.txt")} - set(pages):
        stale.unlink()
    for path, text in pages.items():
        path.write_text(text)
    for declared in TABLES.values():
        (GOLDEN / f"{declared.name}.txt").write_text(render_forms(declared))
    PARTITIONING.write_text(replace_shard_keys(PARTITIONING.read_text()))


def draft_migration(name: str) -> None:
    """Write the migration from what the committed ones make to what is declared, and print its files."""
    with tempfile.TemporaryDirectory(prefix="newsreel-") as home:
        server = EmbeddedPostgres(Path(home))
        try:
            with server:
                with psycopg.connect(server.url("template1"), autocommit=True) as connection:
                    for database in ("migrated", "declared"):
                        connection.execute(f"CREATE DATABASE {database}".encode())
                migrations.upgrade(server.url("migrated"))
                statements = draft_statements(server.url("migrated"), server.url("declared"), LIVE_TABLES)
        finally:
            shutil.rmtree(server.folder, ignore_errors=True)
    if not statements:
        print("no migration is needed: the committed ones make what is declared")
        return
    for path in write_migration(statements, name):
        print(os.path.relpath(path))


def main(argv: Sequence[str] | None = None) -> None:
    """Write the forms; with `--migration`, the migration too. A change that cannot be derived exits with 2."""
    parser = argparse.ArgumentParser(prog="python -m newsreel.derived", description=main.__doc__)
    parser.add_argument(
        "--migration",
        nargs="?",
        const="declarations",
        metavar="NAME",
        help="also write the next migration of PostgreSQL, called NNNN_NAME, if the declarations differ from what the "
        "committed migrations make",
    )
    arguments = parser.parse_args(argv)
    write_forms()
    if arguments.migration:
        try:
            draft_migration(arguments.migration)
        except NewsreelError as error:
            print(f"error: {error.detail}", file=sys.stderr)
            raise SystemExit(error.exit_code) from error


if __name__ == "__main__":
    main()
