"""Digests of keys: 128 bits a key, computed in columns, to compare and look up keys without holding their texts.

Tests: tests/stores/delta/test_key_index.py, tests/stores/delta/test_verification.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable
from numpy.typing import NDArray

from schemas.table import Table

Words = NDArray[np.uint64]

SALTS = ("newsreel keys, 1", "newsreel keys, 2")
"""Two digests of 64 bits make one of 128: collisions are as unlikely as those of UUIDs (RFC 9562, 6.7)."""
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
BATCH_ROWS = 250_000


def compute_digests(columns: Sequence[pa.Array]) -> Words:
    """(2, keys): two digests of each key, from the texts of its columns."""
    # Imported here: it takes half a second, and nothing else of stores.delta needs it.
    from pandas.util import hash_array

    digests = np.zeros((len(SALTS), len(columns[0])), np.uint64)
    for number, column in enumerate(columns):
        texts = pc.cast(column, pa.string())
        codes = None
        if number < len(columns) - 1:  # leading columns have few distinct values
            encoded = pc.dictionary_encode(texts)
            texts, codes = encoded.dictionary, encoded.indices.to_numpy()
        values = texts.to_numpy(zero_copy_only=False)
        for digest, salt in zip(digests, SALTS, strict=True):
            hashed = hash_array(values, hash_key=salt, categorize=False)
            digest *= MULTIPLIER
            digest += hashed if codes is None else hashed[codes]
    return digests


def sum_digests(declared: Table, files: Iterable[ds.Fragment]) -> tuple[int, int, int]:
    """(rows, sums of both digests modulo 2^64) of the keys in files: the same keys in any order give the same."""
    rows, sums = 0, np.zeros(len(SALTS), np.uint64)
    for file in files:
        for batch in file.to_batches(columns=list(declared.key), batch_size=BATCH_ROWS):
            rows += batch.num_rows
            if batch.num_rows:
                sums += compute_digests([batch[name] for name in declared.key]).sum(axis=1, dtype=np.uint64)
    return rows, int(sums[0]), int(sums[1])


def list_files(handle: DeltaTable) -> dict[str, ds.Fragment]:
    """The data files of the handle's version of a table, by path within it."""
    return {fragment.path: fragment for fragment in handle.to_pyarrow_dataset().get_fragments()}
