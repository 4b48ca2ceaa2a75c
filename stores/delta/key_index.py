"""Key index of the live tables in the lake: looks up the newest events of rows by key, without a JVM.

Each file of a table has an index of its keys. A file of a Delta table never changes, and neither does its index: it is
built on the first lookup that meets the file and cached under HOME. So the cost of a lookup depends on the files that
are new since the last one, plus one search per file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable
from numpy.typing import NDArray

from schemas.settings import settings
from schemas.table import Table
from stores.delta.commits import read_row_version
from stores.delta.key_digests import BATCH_ROWS, Words, compute_digests, list_files
from stores.delta.lake import Lake
from stores.files import atomic_replacement
from stores.private_files import private_folder

FOLDER = "key_index"
FIRST, SECOND, EVENT, BORN = range(4)
"""Rows of an index: the two digests (sorted by the first), the row's newest event, its `born` in microseconds."""


@dataclass(frozen=True)
class KeyLookup:
    """For each requested key, in that order: its row's newest event and time of creation; null without a row."""

    last_event_ids: pa.Array
    born: pa.Array
    row_version: int
    """Row version of the table that was looked up in (stores/delta/commits.py)."""

    def find_born_span(self, among: pa.Array) -> tuple[datetime, datetime] | None:
        """First and last time of creation of the stored rows that are marked true; None if there are none."""
        span = pc.min_max(self.born.filter(among)).as_py()
        return None if span["min"] is None else (span["min"], span["max"])


def look_up_keys(lake: Lake, declared: Table, keys: Sequence[pa.Array]) -> KeyLookup:
    """Look up distinct keys, given as the arrays of their columns."""
    wanted = compute_digests(keys)
    order = np.argsort(wanted[FIRST])
    wanted = wanted[:, order]
    events, born = np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
    missing = np.ones(len(order), np.bool_)
    handle = lake.open(declared.name)
    for index in _load_indexes(handle, index_folder(lake, declared), declared):
        wanted_at, index_at = _match(index, wanted)
        positions = order[wanted_at]
        missing[positions] = False
        events[positions] = index[EVENT, index_at].view(np.int64)
        born[positions] = index[BORN, index_at].view(np.int64)
    times = pa.array(born, pa.timestamp("us", tz="UTC"), mask=missing)
    return KeyLookup(pa.array(events, mask=missing), times, read_row_version(handle))


def _match(index: Words, wanted: Words) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions in `wanted`, which is sorted, of the keys that the index has, and their positions in the index."""
    position = np.searchsorted(index[FIRST], wanted[FIRST])
    pending = np.arange(len(position))
    wanted_at, index_at = [], []
    while len(pending):
        # On a collision of first digests the next entry is compared.
        pending = pending[position[pending] < index.shape[1]]
        pending = pending[index[FIRST, position[pending]] == wanted[FIRST, pending]]
        same = index[SECOND, position[pending]] == wanted[SECOND, pending]
        wanted_at.append(pending[same])
        index_at.append(position[pending[same]])
        pending = pending[~same]
        position[pending] += 1
    return (np.concatenate(wanted_at), np.concatenate(index_at)) if wanted_at else (position, position)


def _load_indexes(handle: DeltaTable, folder: Path, declared: Table) -> Iterator[Words]:
    """The index of each file of the handle's version of the table. Indexes of other files are removed from `folder`."""
    paths = pa.table(handle.get_add_actions())["path"].to_pylist()
    files = {path: folder / f"{_hash_name(path)}.npy" for path in paths}
    # Also removes drafts of a killed refresh: one refresh runs at a time, so no process is writing one now.
    for path in set(folder.iterdir()) - set(files.values()):
        path.unlink(missing_ok=True)
    fragments: dict[str, ds.Fragment] = {}
    for path, file in files.items():
        index = _read_index(file)
        if index is None:
            fragments = fragments or list_files(handle)
            index = _build_index(declared, fragments[path])
            with atomic_replacement(file, sync=True) as draft:
                np.save(draft, index, allow_pickle=False)
        yield index


def index_folder(lake: Lake, declared: Table) -> Path:
    """The folder of the indexes of a table's files."""
    return private_folder(settings().home / FOLDER / _hash_name(lake.location(declared.name)))


def _hash_name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _build_index(declared: Table, file: ds.Fragment) -> Words:
    """The index of a file, from its key columns."""
    columns = [*declared.key, "last_event_id", *([declared.born] if declared.born else [])]
    parts = [np.empty((4, 0), np.uint64)]
    for batch in file.to_batches(columns=columns, batch_size=BATCH_ROWS):
        part = np.zeros((4, batch.num_rows), np.uint64)
        part[[FIRST, SECOND]] = compute_digests([batch[name] for name in declared.key])
        part[EVENT] = batch["last_event_id"].to_numpy().view(np.uint64)
        if declared.born:
            times = batch[declared.born].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
            part[BORN] = times.to_numpy().view(np.uint64)
        parts.append(part)
    whole = np.concatenate(parts, axis=1)
    return whole[:, np.argsort(whole[FIRST])]


def _read_index(file: Path) -> Words | None:
    """A cached index; None if it is missing or damaged."""
    try:
        index: Words = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return index
