"""Which rows of a live table the lake holds under some keys, and what their newest events are.

An index of each file says which keys are in it. A file of a Delta table never changes, so neither does its index: it is
made when somebody first asks about the file, and kept under HOME. What a question costs so goes with what is new since
the last one, but for one search a file.
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
from stores.delta.lake import Lake
from stores.files import atomic_replacement
from stores.private_files import private_folder

Words = NDArray[np.uint64]

FOLDER = "key_index"
SALTS = ("newsreel keys, 1", "newsreel keys, 2")
"""Two digests of 64 bits make one of 128: as with UUIDs, nobody meets two keys with the same (RFC 9562, 6.7)."""
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
BATCH_ROWS = 250_000
FIRST, SECOND, EVENT, BORN = range(4)
"""Rows of an index: the two digests, by which it is sorted; the row's newest event; its `born` in microseconds."""


@dataclass(frozen=True)
class KeyLookup:
    """For each key that was asked about, in that order: its row's newest event and since when there is the row.

    Null where the table holds no such row.
    """

    last_event_ids: pa.Array
    born: pa.Array

    def born_span(self, among: pa.Array) -> tuple[datetime, datetime] | None:
        """From when to when, both included, there have been those of the rows marked true that are held; or None."""
        span = pc.min_max(self.born.filter(among)).as_py()
        return None if span["min"] is None else (span["min"], span["max"])


def look_up_keys(lake: Lake, declared: Table, keys: Sequence[pa.Array]) -> KeyLookup:
    """Look for keys, given as the arrays of their columns, each key once. No JVM."""
    wanted = _digests(keys)
    order = np.argsort(wanted[FIRST])
    wanted = wanted[:, order]
    events, born = np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
    missing = np.ones(len(order), np.bool_)
    for index in _indexes(lake, declared):
        asked, found = _matches(index, wanted)
        places = order[asked]
        missing[places] = False
        events[places] = index[EVENT, found].view(np.int64)
        born[places] = index[BORN, found].view(np.int64)
    times = pa.array(born, pa.timestamp("us", tz="UTC"), mask=missing)
    return KeyLookup(pa.array(events, mask=missing), times)


def _matches(index: Words, wanted: Words) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where in `wanted`, sorted, are keys of the index, and where in the index they are."""
    place = np.searchsorted(index[FIRST], wanted[FIRST])
    asked = np.arange(len(place))
    seen, found = [], []
    while len(asked):
        # First digests may be alike by chance: then the next ones are looked at.
        asked = asked[place[asked] < index.shape[1]]
        asked = asked[index[FIRST, place[asked]] == wanted[FIRST, asked]]
        same = index[SECOND, place[asked]] == wanted[SECOND, asked]
        seen.append(asked[same])
        found.append(place[asked[same]])
        asked = asked[~same]
        place[asked] += 1
    return (np.concatenate(seen), np.concatenate(found)) if seen else (place, place)


def _indexes(lake: Lake, declared: Table) -> Iterator[Words]:
    """The index of each file that the table consists of. Indexes of files that it no longer has are removed."""
    handle = lake.open(declared.name)
    paths = pa.table(handle.get_add_actions())["path"].to_pylist()
    folder = index_folder(lake, declared)
    kept = {path: folder / f"{_name(path)}.npy" for path in paths}
    # Drafts of a refresh that was killed are among them: refreshes take turns, so nobody is writing one now.
    for path in set(folder.iterdir()) - set(kept.values()):
        path.unlink(missing_ok=True)
    fragments: dict[str, ds.Fragment] = {}
    for path, file in kept.items():
        index = _read(file)
        if index is None:
            fragments = fragments or _fragments(handle)
            index = _made(declared, fragments[path])
            _keep(file, index)
        yield index


def index_folder(lake: Lake, declared: Table) -> Path:
    """Where the indexes of a table's files are."""
    return private_folder(settings().home / FOLDER / _name(lake.location(declared.name)))


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _fragments(handle: DeltaTable) -> dict[str, ds.Fragment]:
    return {fragment.path: fragment for fragment in handle.to_pyarrow_dataset().get_fragments()}


def _made(declared: Table, file: ds.Fragment) -> Words:
    """The index of a file, whose key columns are read for it."""
    columns = [*declared.key, "last_event_id", *([declared.born] if declared.born else [])]
    parts = [np.empty((4, 0), np.uint64)]
    for batch in file.to_batches(columns=columns, batch_size=BATCH_ROWS):
        part = np.zeros((4, batch.num_rows), np.uint64)
        part[[FIRST, SECOND]] = _digests([batch[name] for name in declared.key])
        part[EVENT] = batch["last_event_id"].to_numpy().view(np.uint64)
        if declared.born:
            times = batch[declared.born].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
            part[BORN] = times.to_numpy().view(np.uint64)
        parts.append(part)
    whole = np.concatenate(parts, axis=1)
    return whole[:, np.argsort(whole[FIRST])]


def _digests(columns: Sequence[pa.Array]) -> Words:
    """(2, keys): two digests of each key, from the texts of its columns."""
    # Imported here: it takes half a second, and the other ways into a lake need none of it.
    from pandas.util import hash_array

    digests = np.zeros((len(SALTS), len(columns[0])), np.uint64)
    for number, column in enumerate(columns):
        texts = pc.cast(column, pa.string())
        codes = None
        if number < len(columns) - 1:  # leading columns repeat themselves
            encoded = pc.dictionary_encode(texts)
            texts, codes = encoded.dictionary, encoded.indices.to_numpy()
        values = texts.to_numpy(zero_copy_only=False)
        for digest, salt in zip(digests, SALTS, strict=True):
            hashed = hash_array(values, hash_key=salt, categorize=False)
            digest *= MULTIPLIER
            digest += hashed if codes is None else hashed[codes]
    return digests


def _read(file: Path) -> Words | None:
    """A kept index, None where there is none that is whole."""
    try:
        found: Words = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found


def _keep(file: Path, index: Words) -> None:
    with atomic_replacement(file, sync=True) as draft:
        np.save(draft, index, allow_pickle=False)
