"""`python -m newsreel.derived`: write what is derived from the declarations and committed: pages and golden files."""

from __future__ import annotations

import json
import re
from pathlib import Path

from schemas.derive.arrow import arrow_schema
from schemas.derive.expectations import expectations
from schemas.derive.lineage import graph, picture
from schemas.derive.markdown import index, page, shard_keys
from schemas.derive.spark import spark_schema
from schemas.derive.sql import definition
from schemas.samples import samples
from schemas.table import Table
from schemas.tables import LIVE_TABLES, TABLES

FRESHNESS = "freshness.json"
"""What `newsreel tables --json` said of the demo's lake, with the conditions."""
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


def with_shard_keys(text: str) -> str:
    """The page with the list of shard keys as it is declared now."""
    return SHARD_KEYS.sub(rf"\g<1>\n{shard_keys(LIVE_TABLES)}\n\n\g<2>", text)


def pages(folder: Path) -> dict[Path, str]:
    """What stands in the folder of pages; how fresh tables were is read from a file that is there."""
    measured = json.loads((folder / FRESHNESS).read_text())["tables"]
    fresh_s = {found["table"]: found["fresh_s"] for found in measured}
    of = graph(TABLES.values())
    made = {
        declared.name: page(declared, of, samples(declared), fresh_s.get(declared.name))
        for declared in TABLES.values()
    }
    return {
        **{folder / f"{name}.md": text for name, text in made.items()},
        folder / "README.md": index(TABLES.values()),
        folder / "lineage.svg": picture(TABLES.values()),
    }


if __name__ == "__main__":
    found = pages(Path("docs/tables"))
    for stale in set(Path("docs/tables").glob("*.md")) - set(found):
        stale.unlink()
    for path, text in found.items():
        path.write_text(text)
    golden = Path("tests/schemas/golden")
    for stale in golden.glob("*.txt"):
        stale.unlink()
    for declared in TABLES.values():
        (golden / f"{declared.name}.txt").write_text(forms(declared))
    partitioning = Path("docs/scaling/partitioning.md")
    partitioning.write_text(with_shard_keys(partitioning.read_text()))
