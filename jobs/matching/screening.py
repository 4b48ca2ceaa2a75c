"""Screening without a JVM of a video against the corpus: whether any of their pictures may be similar.

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

MAX_PAIRS = 300_000_000
"""Pairs compared here, about 3 s on a core: ten minutes of video with a day of corpus, or one minute with ten days."""

MAX_HASHES = 1_000_000
"""Hashes of the corpus held in memory for the comparison."""

Words = npt.NDArray[np.uint64]


def may_share_pictures(rows: Iterable[Mapping[str, Any]], but: Iterable[str]) -> bool:
    """Whether any trusted picture in `fingerprints`, of videos other than `but`, may be similar to one of `rows`.

    Also true if there are too many pairs to compare.
    """
    ours = to_words(row["hash"] for row in rows if row["quality"] >= TRUSTED_QUALITY)
    limit = min(MAX_PAIRS // max(1, len(ours)), MAX_HASHES)
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in but) or "''"
    trusted = f"quality >= {TRUSTED_QUALITY} AND video_id NOT IN ({names})"
    corpus = lake().query(f"SELECT hash FROM fingerprints WHERE {trusted} LIMIT {limit + 1}")
    return corpus.num_rows > limit or has_near_pair(ours, to_words(corpus.column("hash").to_pylist()))


def has_near_pair(ours: Words, theirs: Words) -> bool:
    """Whether any two hashes, (n, WORDS) and (m, WORDS), differ in at most VOTE_DISTANCE bits."""
    return any(
        int(np.bitwise_count(theirs ^ one).sum(axis=1, dtype=np.uint16).min(initial=HASH_BYTES * 8))
        <= VOTE_DISTANCE
        for one in ours
    )


def to_words(hashes: Iterable[bytes]) -> Words:
    """Hashes as rows of 64-bit words; those that do not have 32 bytes are dropped, as in `jobs.matching.samples`."""
    whole = b"".join(one for one in hashes if len(one) == HASH_BYTES)
    return np.frombuffer(whole, dtype=np.uint64).reshape(-1, WORDS)
