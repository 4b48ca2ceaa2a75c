"""Sampled pictures as columns: slot of the sampling grid, hash as 64-bit words, whether the hash can be trusted.

A hash is 256 bits in 32 bytes (PDQ). Spark has no xor of binaries, so it is split into four 64-bit words.
Tests: tests/jobs/test_match_video.py.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - the name that all of Spark's documentation uses

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

SAMPLES_PER_S = 4
"""Pictures hashed per second: the first one shown in each quarter of a second."""
SAMPLE_S = 1 / SAMPLES_PER_S
HASH_BYTES = 32
HASH_BITS = 8 * HASH_BYTES
WORDS = 4
TRUSTED_QUALITY = 30
"""Below it a picture is black, one colour or a smooth fade, whose hashes are similar by chance (the measure is PDQ's;
its authors use 49 on photographs; here fades of a real clip have 0 to 25, its darkest shots with content 38)."""


def to_samples(fingerprints: DataFrame) -> DataFrame:
    """Rows of `fingerprints` -> (video_id, slot, position_s, hash, words, trusted), one row for each slot.

    `slot` is the quarter of a second, from 0. Rows whose hash does not have 32 bytes are dropped.
    """
    whole_hash = F.octet_length("hash") == HASH_BYTES
    slot = F.floor(F.col("position_s") * SAMPLES_PER_S + 1e-4).cast("long")
    return (
        fingerprints.select("video_id", "position_s", "hash", "quality")
        .where(whole_hash)
        .select(
            "video_id",
            slot.alias("slot"),
            "position_s",
            "hash",
            F.array(*(_extract_word(F.col("hash"), number) for number in range(WORDS))).alias("words"),
            (F.col("quality") >= TRUSTED_QUALITY).alias("trusted"),
        )
    )


def hamming(one: Column, other: Column) -> Column:
    """Hamming distance of two `words` columns, 0 to 256 bits; unrelated pictures differ in about 128."""
    return reduce(add, (F.bit_count(one[word].bitwiseXOR(other[word])) for word in range(WORDS)))


def _extract_word(hash_: Column, number: int) -> Column:
    high = _to_unsigned(F.substring(hash_, 8 * number + 1, 4))
    low = _to_unsigned(F.substring(hash_, 8 * number + 5, 4))
    return F.shiftleft(high, 32).bitwiseOR(low)


def _to_unsigned(four_bytes: Column) -> Column:
    return F.conv(F.hex(four_bytes), 16, 10).cast("long")
