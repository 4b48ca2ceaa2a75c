"""Verification of a table's newest version: every file is read once; damaged files and doubled keys are found.

`stores.delta.replacement` removes doubled rows.

Tests: tests/stores/delta/test_verification.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from numpy.typing import NDArray

from schemas.table import Table
from schemas.tables import table
from stores.delta.key_digests import BATCH_ROWS, Words, compute_digests, list_files
from stores.delta.lake import Lake

EXAMPLES = 3
REASON_CHARACTERS = 160
MISSING = "Object at location"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class DamagedFile:
    """A data file that is missing, cannot be read, or has another number of rows than the log says."""

    path: str
    """Within the table's folder."""
    reason: str


@dataclass(frozen=True)
class Verification:
    """What was found in one version of a table."""

    table: str
    version: int
    files: int
    rows: int
    """Rows read."""
    damaged: list[DamagedFile] = field(default_factory=list)
    doubled_keys: int = 0
    """Keys that more than one row has."""
    examples: list[str] = field(default_factory=list)
    """Some of them, their columns joined by `/`."""

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.damaged and not self.doubled_keys


def verify_table(lake: Lake, name: str) -> Verification:
    """Read every file of a table's newest version.

    Holds 16 bytes a row in memory, and sorts them. Raises NotFoundError for a missing table.
    """
    declared, handle = table(name), lake.open(name)
    counts = _read_row_counts(handle)
    damaged, digests, rows = [], [np.empty((2, 0), np.uint64)], 0
    for path, file in list_files(handle).items():
        part, reason = _read_file(declared, file, counts[path])
        digests.append(part)
        rows += part.shape[1]
        if reason:
            damaged.append(DamagedFile(path, reason))
    doubled = _find_doubled(np.concatenate(digests, axis=1))
    examples = _read_examples(declared, handle, doubled) if len(doubled) and not damaged else []
    return Verification(name, handle.version(), len(counts), rows, damaged, len(doubled), examples)


def _read_row_counts(handle: DeltaTable) -> dict[str, int | None]:
    """Rows of each data file by path, as the log has them."""
    files = pa.table(handle.get_add_actions(flatten=True))
    return dict(zip(files["path"].to_pylist(), files["num_records"].to_pylist(), strict=True))


def _read_file(declared: Table, file: ds.Fragment, expected_rows: int | None) -> tuple[Words, str | None]:
    """Digests of the keys in a file, and what is wrong with it. All columns are read."""
    parts = [np.empty((2, 0), np.uint64)]
    reason = None
    try:
        for batch in file.to_batches(batch_size=BATCH_ROWS):
            batch.validate(full=True)
            if batch.num_rows:
                parts.append(compute_digests([batch[name] for name in declared.key]))
    except (OSError, pa.ArrowException) as error:
        reason = describe_error(error)
    digests = np.concatenate(parts, axis=1)
    if reason is None and expected_rows is not None and digests.shape[1] != expected_rows:
        reason = f"has {digests.shape[1]} rows, the log says {expected_rows}"
    return digests, reason


def describe_error(error: Exception) -> str:
    """One line; delta-rs colours its errors, and puts the reason for a missing file behind its path."""
    text = " ".join(COLOUR.sub("", str(error)).split())
    return "is missing" if text.startswith(MISSING) else text[:REASON_CHARACTERS]


def _order_by_digest(digests: Words) -> NDArray[np.intp]:
    return np.lexsort((digests[1], digests[0]))


def find_repeats(ordered: Words) -> NDArray[np.bool_]:
    """For ordered digests: whether each equals the one before it."""
    repeats = np.zeros(ordered.shape[1], np.bool_)
    repeats[1:] = (ordered[:, 1:] == ordered[:, :-1]).all(axis=0)
    return repeats


def _find_doubled(digests: Words) -> set[tuple[int, int]]:
    """Digests that occur more than once."""
    ordered = digests[:, _order_by_digest(digests)]
    return set(zip(*ordered[:, find_repeats(ordered)].tolist(), strict=True)) if ordered.shape[1] else set()


def _read_examples(declared: Table, handle: DeltaTable, doubled: set[tuple[int, int]]) -> list[str]:
    """Keys of some of the doubled digests."""
    found: dict[tuple[int, int], str] = {}
    first_digests = np.array([first for first, _ in doubled], np.uint64)
    for file in list_files(handle).values():
        for batch in file.to_batches(columns=list(declared.key), batch_size=BATCH_ROWS):
            if not batch.num_rows:
                continue
            digests = compute_digests([batch[name] for name in declared.key])
            for row in np.flatnonzero(np.isin(digests[0], first_digests)).tolist():
                digest = (int(digests[0, row]), int(digests[1, row]))
                if digest in doubled and digest not in found:
                    found[digest] = "/".join(str(batch[name][row].as_py()) for name in declared.key)
                    if len(found) == min(EXAMPLES, len(doubled)):
                        return sorted(found.values())
    return sorted(found.values())
