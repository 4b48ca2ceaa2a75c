#!/usr/bin/env bash
# An overwrite of a whole Delta table that began before a compaction keeps the old rows.
#
# Library   deltalake 1.6.6 (delta-rs), local file system
# Guess     `write_deltalake(mode="overwrite")` replaces the table; if it cannot, it raises CommitFailedError.
# Seen      It commits, and removes the files that its own handle knew. The compacted file, which holds the same rows,
#           stays: old and new rows are both there. With a `predicate`, the same overwrite is refused.
# So        Overwrite with a predicate, or under the lock of the table's one writer.
# Exit      0 while this is so, 1 once it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check deltalake==1.6.6 pyarrow==21.0.0
"$folder/venv/bin/python" - "$folder" <<'PY'
import sys

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError


def table(uri: str) -> str:
    for part in range(10):
        write_deltalake(uri, pa.table({"id": [part], "kind": ["old"]}), mode="append")
    return uri


def kinds(uri: str) -> dict[str, int]:
    found = pa.table(DeltaTable(uri).to_pyarrow_table())["kind"].to_pylist()
    return {kind: found.count(kind) for kind in sorted(set(found))}


new = pa.table({"id": [99], "kind": ["new"]})
whole = table(f"{sys.argv[1]}/whole")
handle = DeltaTable(whole)
DeltaTable(whole).optimize.compact()
write_deltalake(handle, new, mode="overwrite")
by_predicate = table(f"{sys.argv[1]}/by_predicate")
handle = DeltaTable(by_predicate)
DeltaTable(by_predicate).optimize.compact()
try:
    write_deltalake(handle, new, mode="overwrite", predicate="id >= 0")
    outcome = "committed"
except CommitFailedError:
    outcome = "refused"
print(f"after an overwrite of the whole table: {kinds(whole)}; by a predicate: {outcome}, {kinds(by_predicate)}")
sys.exit(0 if kinds(whole) == {"new": 1, "old": 10} and outcome == "refused" else 1)
PY
