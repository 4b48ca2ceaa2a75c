"""Candidate offsets: (reference, offset) pairs for which enough pictures of a video vote.

Three known ideas. Similar pictures agree exactly in at least one of 16 bands of 16 bits (multi-index hashing, Norouzi,
Punjani and Fleet, CVPR 2012; at 31 differing bits 9 of 10 pairs do, and a shared second gives four tries). All pairs of
a shared segment have the same offset between the two clocks, so each pair votes for its offset (temporal Hough voting,
Douze, Jégou and Schmid, IEEE Transactions on Multimedia 2010). A picture similar to many of a reference, a still, says
little about the offset, so its vote is divided by their number (burstiness, Jégou, Douze and Schmid, CVPR 2009).
Tests: tests/jobs/test_match_video.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F  # noqa: N812 - the name that all of Spark's documentation uses

from jobs.matching.samples import HASH_BYTES, SAMPLES_PER_S, hamming

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

BAND_BYTES = 2
BANDS = HASH_BYTES // BAND_BYTES
VOTE_DISTANCE = 40
"""Bits in which a voting pair may differ (PDQ's own threshold is 31). Of 20,000 pairs of unrelated real pictures the
nearest differed in 94 (docs/adr/0004-matching.md)."""
STILL_DISTANCE = 8
"""Bits in which consecutive pictures differ at most if nothing moved."""
MIN_VOTES = 2
OFFSETS_PER_REFERENCE = 16


def find_candidate_offsets(query: DataFrame, corpus: DataFrame) -> DataFrame:
    """Samples of one video and of all others -> (video_id, offset_slots), the best offsets of each reference.

    `offset_slots` is the reference's slot minus the query's. One vote suffices if the query is a single picture.
    """
    votes = _count_votes(_join_similar(_select_voters(query), corpus))
    peak = F.max(F.struct("weight", "votes", (-F.col("offset_slots")).alias("earliest")))
    near = Window.partitionBy("video_id").orderBy("offset_slots").rangeBetween(-2, 2)
    best_first = Window.partitionBy("video_id").orderBy(F.desc("weight"), F.asc("offset_slots"))
    is_peak = F.col("peak.earliest") == -F.col("offset_slots")
    enough = F.col("votes") >= F.least(F.lit(MIN_VOTES), F.col("voters"))
    return (
        votes.where(enough)
        .withColumn("peak", peak.over(near))
        .where(is_peak)
        .withColumn("rank", F.row_number().over(best_first))
        .where(F.col("rank") <= OFFSETS_PER_REFERENCE)
        .select("video_id", "offset_slots")
    )


def _select_voters(query: DataFrame) -> DataFrame:
    """Pictures that vote: trusted ones; of a still only one per second, as its pairs grow with its length squared."""
    in_time = Window.orderBy("slot")  # the pictures of one video fit one partition
    before = F.lag("words").over(in_time)
    moved = before.isNull() | (hamming(F.col("words"), before) > STILL_DISTANCE)
    once_a_second = F.col("slot") % SAMPLES_PER_S == 0
    return (
        query.where("trusted")
        .withColumn("votes_here", moved | once_a_second)
        .where("votes_here")
        .select(F.col("slot").alias("query_slot"), F.col("words").alias("query_words"), "hash")
        .withColumn("voters", F.count(F.lit(1)).over(Window.partitionBy()))
    )


def _join_similar(query: DataFrame, corpus: DataFrame) -> DataFrame:
    """Pairs that agree in a band and differ in few bits: (voters, query_slot, video_id, slot), each pair once."""
    ours = query.select("voters", "query_slot", "query_words", F.posexplode(_split_bands(F.col("hash"))))
    theirs = corpus.where("trusted").select(
        "video_id", "slot", "words", F.posexplode(_split_bands(F.col("hash")))
    )
    near = hamming(F.col("query_words"), F.col("words")) <= VOTE_DISTANCE
    return (
        # One video against all others: the query is the small side.
        theirs.join(F.broadcast(ours), on=["pos", "col"], how="inner")
        .where(near)
        .select("voters", "query_slot", "video_id", "slot")
        .distinct()  # a pair may agree in several bands
    )


def _count_votes(pairs: DataFrame) -> DataFrame:
    """Pairs -> (video_id, offset_slots, voters, votes, weight); a pair also votes for the two adjacent offsets."""
    similar_in_reference = F.count(F.lit(1)).over(Window.partitionBy("video_id", "query_slot"))
    offset = F.col("slot") - F.col("query_slot")
    return (
        pairs.withColumn("vote", 1 / similar_in_reference)
        .select(
            "video_id",
            "voters",
            "query_slot",
            "vote",
            F.explode(F.array(offset - 1, offset, offset + 1)).alias("offset_slots"),
        )
        .groupBy("video_id", "offset_slots")
        .agg(
            F.max("voters").alias("voters"),
            F.count_distinct("query_slot").alias("votes"),
            F.round(F.sum("vote"), 6).alias("weight"),  # rounded: a sum's last bits depend on its order
        )
    )


def _split_bands(hash_: Column) -> Column:
    return F.array(*(F.substring(hash_, BAND_BYTES * band + 1, BAND_BYTES) for band in range(BANDS)))
