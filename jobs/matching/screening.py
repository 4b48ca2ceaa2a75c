"""Whether any picture of a corpus is alike to one of a video's at all: a look without a JVM.

For most videos none is, and Spark would find nothing: `jobs.matching.candidates` accepts only pairs within the same
distance. Starting Spark costs seconds, and four at once on two cores cost minutes. Every pair is compared, which is
fast for a bounded number of pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.matching.candidates import VOTE_DISTANCE
from jobs.matching.samples import HASH_BYTES, TRUSTED_QUALITY, WORDS
from stores.delta import lake

MOST_PAIRS = 300_000_000
"""Compared here, some 3 s on a core: a video of ten minutes with an archive of a day, one of a minute with ten days."""

MOST_HELD = 1_000_000
"""Hashes of the corpus that are in memory for that."""

Words = npt.NDArray[np.uint64]


def anything_alike(rows: Iterable[Mapping[str, Any]], but: Iterable[str]) -> bool:
    """Whether a picture of `fingerprints`, of other videos than `but`, may be alike to one of `rows`.

    True also where the pairs are too many to look at all of them.
    """
    ours = words(row["hash"] for row in rows if row["quality"] >= TRUSTED_QUALITY)
    most = min(MOST_PAIRS // max(1, len(ours)), MOST_HELD)
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in but) or "''"
    trusted = f"quality >= {TRUSTED_QUALITY} AND video_id NOT IN ({names})"
    held = lake().query(f"SELECT hash FROM fingerprints WHERE {trusted} LIMIT {most + 1}")
    return held.num_rows > most or any_near(ours, words(held.column("hash").to_pylist()))


def any_near(ours: Words, theirs: Words) -> bool:
    """Whether any two hashes, (n, WORDS) and (m, WORDS), differ in at most VOTE_DISTANCE bits."""
    return any(
        int(np.bitwise_count(theirs ^ one).sum(axis=1, dtype=np.uint16).min(initial=HASH_BYTES * 8))
        <= VOTE_DISTANCE
        for one in ours
    )


def words(hashes: Iterable[bytes]) -> Words:
    """Hashes as rows of machine words; those that have not 32 bytes are left out, as Spark does."""
    whole = b"".join(one for one in hashes if len(one) == HASH_BYTES)
    return np.frombuffer(whole, dtype=np.uint64).reshape(-1, WORDS)
