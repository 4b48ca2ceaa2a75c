"""Replacement of all rows of a table in one commit: by those of a copy, or by its own without doubled ones.

Tests: tests/stores/delta/test_verification.py, tests/jobs/test_maintain_lake.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable, write_deltalake
from numpy.typing import NDArray

from schemas.derive.arrow import arrow_schema
from schemas.errors import StorageError
from schemas.table import Table
from schemas.tables import table
from stores.delta.commits import ROW_VERSION, commit_with_retry, mark_transaction, read_row_version
from stores.delta.key_digests import BATCH_ROWS, compute_digests, list_files
from stores.delta.lake import Lake
from stores.delta.verification import describe_error, find_repeats


def replace_by_copy(lake: Lake, name: str, copy: Lake) -> int:
    """Replace all rows of a table by those of the same table in another lake; returns their number."""
    source = copy.open(name)
    commit_with_retry(
        name, lambda: _replace_all(lake.open(name), source.to_pyarrow_dataset().scanner().to_reader())
    )
    return int(source.count())


def remove_doubled_rows(lake: Lake, name: str) -> int:
    """Keep one row of each key, that of the newest event, in one commit; returns the number of rows removed.

    Rewrites the table. Raises StorageError for a table with damaged files, ConflictError if others keep writing to it.
    """
    declared = table(name)

    def attempt() -> int:
        handle = lake.open(name)
        files = list(list_files(handle).values())
        dropped = _choose_dropped_rows(declared, files)
        if len(dropped):
            schema = pa.schema([one.remove_metadata() for one in arrow_schema(declared)])
            batches = _read_without(files, schema, dropped)
            _replace_all(handle, pa.RecordBatchReader.from_batches(schema, batches))
        return len(dropped)

    return commit_with_retry(name, attempt)


def _replace_all(handle: DeltaTable, rows: pa.RecordBatchReader) -> None:
    properties = mark_transaction(ROW_VERSION, read_row_version(handle) + 1)
    write_deltalake(handle, rows, mode="overwrite", commit_properties=properties)


def _choose_dropped_rows(declared: Table, files: Sequence[ds.Fragment]) -> NDArray[np.intp]:
    """Positions, in the order of the files, of the rows that another row of the same key makes superfluous."""
    newest_first = "last_event_id" in declared.column_names
    columns = [*declared.key, *(["last_event_id"] if newest_first else [])]
    digests, events = [np.empty((2, 0), np.uint64)], [np.empty(0, np.int64)]
    try:
        for file in files:
            for batch in file.to_batches(columns=columns, batch_size=BATCH_ROWS):
                if batch.num_rows:
                    digests.append(compute_digests([batch[name] for name in declared.key]))
                    events.append(
                        batch["last_event_id"].to_numpy()
                        if newest_first
                        else np.zeros(batch.num_rows, np.int64)
                    )
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"table {declared.name} has a damaged file: {describe_error(error)}") from error
    both, event = np.concatenate(digests, axis=1), np.concatenate(events)
    order = np.lexsort((-event, both[1], both[0]))
    return np.sort(order[find_repeats(both[:, order])])


def _read_without(
    files: Sequence[ds.Fragment], schema: pa.Schema, dropped: NDArray[np.intp]
) -> Iterator[pa.RecordBatch]:
    """The rows of the files, in order, but those at the dropped positions."""
    start = 0
    for file in files:
        for batch in file.to_batches(columns=schema.names, batch_size=BATCH_ROWS):
            kept = np.ones(batch.num_rows, np.bool_)
            first, last = np.searchsorted(dropped, [start, start + batch.num_rows])
            kept[dropped[first:last] - start] = False
            start += batch.num_rows
            yield from pa.table(batch).filter(pa.array(kept)).cast(schema).to_batches()
