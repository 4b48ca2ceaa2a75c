#!/usr/bin/env bash
# Adding a column that is not nullable to a Delta table with rows succeeds, and afterwards no query can read the table.
#
# Library   deltalake 1.6.6 (delta-rs), local file system
# Guess     `alter.add_columns` refuses a field with nullable=False on a table that has rows, as Spark does, because old
#           rows have no value for it.
# Seen      The commit succeeds. Every later query fails: the files lack a column that the schema says is never null.
#           Reading an older version still works.
# So        Add nullable columns only; check the field before the commit.
# Exit      0 while this is so, 1 once it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check deltalake==1.6.6 pyarrow==21.0.0
"$folder/venv/bin/python" - "$folder/table" <<'PY'
import sys

import pyarrow as pa
from deltalake import DeltaTable, Field, QueryBuilder, write_deltalake

uri = sys.argv[1]


def count(version: int | None = None) -> str:
    try:
        found = QueryBuilder().register("t", DeltaTable(uri, version=version)).execute("SELECT * FROM t")
        return f"{pa.table(found.read_all()).num_rows} rows"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:90]}"


write_deltalake(uri, pa.table({"id": [1, 2, 3]}))
before = count()
DeltaTable(uri).alter.add_columns([Field("kind", "string", nullable=False)])
after, older = count(), count(0)
print(f"before: {before}; after a commit that adds a column which is not nullable: {after}; version 0: {older}")
sys.exit(0 if (before, older) == ("3 rows", "3 rows") and "rows" not in after else 1)
PY
