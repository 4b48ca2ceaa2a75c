#!/usr/bin/env bash
# Two compactions of one Delta table that overlap both commit, and every row is there twice.
#
# Library   deltalake 1.6.6 (delta-rs), local file system
# Guess     `optimize.compact()` rewrites files that are still live; the slower of two loses with CommitFailedError, as
#           a delete or merge that meets a compaction does.
# Seen      Both commit. The second removes files that the first has removed already, and adds its own copy of their
#           rows: 1,000 rows become 2,000. A delete in the same place is refused. `CommitProperties` of the compaction
#           change nothing: `max_commit_retries=0` does not make it fail on a newer version, as it does a delete, and
#           its application transaction is not recorded.
# So        One compactor per table, under a lock that outlives a pause of its holder; rows counted afterwards.
# Exit      0 while this is so, 1 once it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check deltalake==1.6.6 pyarrow==21.0.0
"$folder/venv/bin/python" - "$folder/table" <<'PY'
import sys

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

uri = sys.argv[1]
for part in range(10):
    write_deltalake(uri, pa.table({"id": range(part * 100, part * 100 + 100)}), mode="append")


def rows() -> tuple[int, int]:
    ids = pa.table(DeltaTable(uri).to_pyarrow_table())["id"].to_pylist()
    return len(ids), len(set(ids))


first, second, third = DeltaTable(uri), DeltaTable(uri), DeltaTable(uri)  # three processes that start together
before = rows()
first.optimize.compact()
after_one = rows()
second.optimize.compact()
after_two = rows()
try:
    third.delete("id = 5")
    delete = "committed"
except CommitFailedError:
    delete = "refused"
write_deltalake(uri, pa.table({"id": range(1000, 1100)}), mode="append")
fourth, fifth = DeltaTable(uri), DeltaTable(uri)
write_deltalake(uri, pa.table({"id": [1100]}), mode="append")
strict = CommitProperties(max_commit_retries=0, app_transactions=[Transaction("compaction", 1)])
fourth.optimize.compact(commit_properties=strict)  # its version is not the newest
recorded = DeltaTable(uri).transaction_version("compaction")
try:
    fifth.delete("id = 5", commit_properties=strict)
    strict_delete = "committed"
except CommitFailedError:
    strict_delete = "refused"
print(f"a compaction with max_commit_retries=0 on an older version: committed, its transaction: {recorded}")
print(f"a delete with max_commit_retries=0 on an older version: {strict_delete}")
print(f"rows, distinct ids: before {before}, one compaction {after_one}, a second from the same version {after_two}")
print(f"a delete from the same version: {delete}")
seen = (before, after_one, after_two, delete, recorded, strict_delete)
sys.exit(0 if seen == ((1000, 1000), (1000, 1000), (2000, 1000), "refused", None, "refused") else 1)
PY
