"""Who there is, how busy each of them is, and what they do in a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from newsreel.synthetic_events.acts import Ints, acts, moments

DAY_US = 86_400_000_000
ZIPF = 1.1
"""Exponent by which people and videos are more and less busy."""
EVENING, AROUND = 0.78, 0.2
"""When in the day most happens, and how far around that, as shares of it."""
AGAIN_US = 60_000_000
"""A player tells so long after its first word how long somebody has watched."""
SHARES = {
    "views": 0.6,
    "again": 0.12,
    "logins": 0.08,
    "reactions": 0.08,
    "comments": 0.05,
    "posts": 0.03,
    "follows": 0.03,
}
"""Of a day's events; what is left goes back on the day before."""
TAKEN_BACK = 0.06
"""Of the reactions and comments of the day before."""
WORDS = (
    "the",
    "rabbit",
    "and",
    "a",
    "butterfly",
    "meet",
    "again",
    "under",
    "an",
    "old",
    "tree",
    "in",
    "spring",
)


class Population:
    """People and videos of one seed. `day` is to be asked for in order: some of a day goes back on the one before."""

    def __init__(self, seed: int, users: int, videos: int, first: date, joined_over_days: int = 0) -> None:
        """`users` and `videos`: how many; all are there when the first day begins.

        `joined_over_days`: the accounts were made over so many days before that; and each day also says who was active
        where, as the API does, on top of the acts that are asked for.
        """
        self._chance = np.random.default_rng(seed)
        self._joined_over_days = joined_over_days
        self._seen: list[pa.Table] = []
        self.user_ids = _ids(f"user {seed}", users)
        self.video_ids = _ids(f"video {seed}", videos)
        self._busy_users, self._busy_videos = _zipf(users), _zipf(videos)
        self.begun_us = (first - date(1970, 1, 1)).days * DAY_US
        self._viewed = np.zeros(videos, np.int64)
        self._number = 0
        self._kept: list[pa.Table] = []

    def founding(self) -> pa.Table:
        """The accounts and the videos, made a moment before the first day."""
        people, films = len(self.user_ids), len(self.video_ids)
        self._owners = self.user_ids.take(pa.array(self._chance.integers(0, people, films)))
        return pa.concat_tables(
            [
                self._accounts(np.arange(people), None),
                self._films(np.arange(films)),
            ]
        )

    def day(self, events: int) -> pa.Table:
        """About so many acts of the next day, in the order of their times."""
        self._start = self.begun_us + self._number * DAY_US
        counts = {name: max(1, int(events * share)) for name, share in SHARES.items()}
        made = pa.concat_tables([*self._taken_back(), *self._done(counts), *self._active()])
        self._number += 1
        return made.take(pc.sort_indices(made, [("at", "ascending")]))

    def _done(self, counts: dict[str, int]) -> Iterator[pa.Table]:
        chance = self._chance
        yield from self._views(counts["views"], counts["again"])

        at = self._times(counts["logins"])
        yield self._accounts(self._some(self._busy_users, len(at)), at)

        at = self._times(counts["reactions"])
        kind = pa.array(np.where(chance.random(len(at)) < 0.85, "like", "dislike"))
        by = {"video_id": self._video(len(at)), "user_id": self._user(len(at))}
        self._notice("watch", by["user_id"], at)
        reactions = acts("reactions", {**by, "kind": kind, "created": moments(at)}, at)

        at = self._times(counts["comments"])
        written = {
            "comment_id": self._timed_ids(at),
            "video_id": self._video(len(at)),
            "user_id": self._user(len(at)),
        }
        self._notice("watch", written["user_id"], at)
        said = {"text": self._texts(len(at)), "creation_time": moments(at)}
        comments = acts("comments", {**written, **said}, at)
        self._kept = [reactions, comments]
        yield from self._kept

        at = self._times(counts["posts"])
        post = {
            "post_id": self._timed_ids(at),
            "user_id": self._user(len(at)),
            "content": self._texts(len(at)),
        }
        self._notice("feed", post["user_id"], at)
        yield acts("posts", {**post, "creation_time": moments(at)}, at)

        at = self._times(counts["follows"])
        pair = {"follower_id": self._user(len(at)), "followee_id": self._user(len(at))}
        self._notice("people", pair["follower_id"], at)
        yield acts("follows", {**pair, "created": moments(at)}, at)

    def _views(self, first: int, again: int) -> Iterator[pa.Table]:
        """Sessions, some of which tell later that they have watched longer; and the counters that come of them."""
        created = self._times(first)
        videos = self._some(self._busy_videos, first)
        key = {"video_id": self.video_ids.take(pa.array(videos)), "user_id": self._user(first)}
        key["session_id"] = self._random_ids(first)
        self._notice("watch", key["user_id"], created)
        watched_s = np.round(self._chance.uniform(1, 30, first), 2)
        yield acts("views", {**key, "watched_s": pa.array(watched_s), "created": moments(created)}, created)

        some = np.sort(self._chance.choice(first, min(again, first), replace=False))
        longer = {name: values.take(pa.array(some)) for name, values in key.items()}
        longer["watched_s"] = pa.array(np.round(watched_s[some] + self._chance.uniform(1, 600, len(some)), 2))
        at = np.minimum(created[some] + AGAIN_US, self._start + DAY_US - 1)
        yield acts("views", {**longer, "created": moments(created[some])}, at)

        self._viewed += np.bincount(videos, minlength=len(self._viewed))
        yield self._films(np.unique(videos))

    def _taken_back(self) -> Iterator[pa.Table]:
        """Some of what was done the day before, deleted: a reaction withdrawn, a comment taken away."""
        for kept in self._kept:
            some = kept.take(pa.array(np.flatnonzero(self._chance.random(kept.num_rows) < TAKEN_BACK)))
            keys = list(zip(*(key.split("/") for key in some["row_key"].to_pylist()), strict=True))
            if keys:
                name = some["table_name"][0].as_py()
                names = ("video_id", "user_id") if name == "reactions" else ("comment_id",)
                fields = {column: pa.array(values) for column, values in zip(names, keys, strict=True)}
                yield acts(name, fields, self._times(some.num_rows), "deleted")

    def _notice(self, surface: str, user_ids: pa.Array, at_us: Ints) -> None:
        if self._joined_over_days:
            columns = [user_ids, pa.repeat(surface, len(user_ids)), pa.array(at_us)]
            self._seen.append(pa.table(columns, names=["user_id", "surface", "at_us"]))

    def _active(self) -> Iterator[pa.Table]:
        """Who was active where, since when that day."""
        if self._seen:
            seen = pa.concat_tables(self._seen)
            first = seen.group_by(["user_id", "surface"]).aggregate([("at_us", "min")]).sort_by("at_us_min")
            at = first["at_us_min"].to_numpy()
            day = pa.repeat((date(1970, 1, 1) + timedelta(microseconds=self._start)).isoformat(), len(at))
            who = {"user_id": first["user_id"].combine_chunks(), "day": day}
            where = {"surface": first["surface"].combine_chunks(), "created": moments(at)}
            yield acts("activity", {**who, **where}, at)
            self._seen = []

    def _accounts(self, which: Ints, logged_in_us: Ints | None) -> pa.Table:
        ids = self.user_ids.take(pa.array(which))
        made = np.full(len(ids), self._born_us)
        created_us = made - which % self._joined_over_days * DAY_US if self._joined_over_days else made
        last = pa.nulls(len(ids)) if logged_in_us is None else moments(logged_in_us)
        fields = {
            "user_id": ids,
            "last_login": last, "created": moments(created_us),
        }  # fmt: skip
        return acts("users", fields, made if logged_in_us is None else logged_in_us)

    def _films(self, which: Ints) -> pa.Table:
        """Videos with the views that they have come to by the end of the day."""
        count = len(which)
        ids, nothing, zero = (
            self.video_ids.take(pa.array(which)),
            pa.nulls(count),
            pa.array(np.zeros(count, np.int64)),
        )
        founding = self._number == 0 and not self._viewed.any()
        at = np.full(count, self._born_us if founding else self._start + DAY_US - 1)
        fields = {
            "video_id": ids, "title": self._texts(count), "description": nothing, "size_bytes": zero,
            "thumbnail_url": nothing, "uploader_id": self._owners.take(pa.array(which)), "likes": zero,
            "dislikes": zero, "views": pa.array(self._viewed[which]), "duration_s": pa.array(np.full(count, 600.5)),
            "status": pa.repeat("ready", count), "reasons": pa.nulls(count, pa.list_(pa.string())),
            "duplicate_of": nothing, "visibility": pa.repeat("public", count), "sha256": nothing, "package": nothing,
            "created": moments(np.full(count, self._born_us)),
        }  # fmt: skip
        return acts("videos", fields, at)

    @property
    def _born_us(self) -> int:
        return self.begun_us - 1

    def _times(self, count: int) -> Ints:
        share = self._chance.normal(EVENING, AROUND, count) % 1.0
        return self._start + np.sort((share * (DAY_US - AGAIN_US)).astype(np.int64))

    def _some(self, busy: NDArray[np.float64], count: int) -> Ints:
        return np.searchsorted(busy, self._chance.random(count)).astype(np.int64)

    def _user(self, count: int) -> pa.Array:
        return self.user_ids.take(pa.array(self._some(self._busy_users, count)))

    def _video(self, count: int) -> pa.Array:
        return self.video_ids.take(pa.array(self._some(self._busy_videos, count)))

    def _random_ids(self, count: int) -> pa.Array:
        return _hexadecimal(self._chance.bytes(16 * count), 32)

    def _timed_ids(self, at_us: Ints) -> pa.Array:
        """Ids whose order is that of their times, as UUIDv7 has it (RFC 9562)."""
        times = _hexadecimal((at_us // 1_000).astype(">u8").tobytes(), 16)
        return pc.binary_join_element_wise(times, _hexadecimal(self._chance.bytes(8 * len(at_us)), 16), "-")

    def _texts(self, count: int) -> pa.Array:
        words = pa.array(WORDS)
        picked = (words.take(pa.array(self._chance.integers(0, len(WORDS), count))) for _ in range(6))
        return pc.binary_join_element_wise(*picked, " ")


def _ids(kind: str, count: int) -> pa.Array:
    return pa.array([str(uuid5(NAMESPACE_OID, f"newsreel {kind} {number}")) for number in range(count)])


def _zipf(count: int) -> NDArray[np.float64]:
    """For each of `count`, the chance that it or a busier one is meant."""
    weights = 1 / np.arange(1, count + 1) ** ZIPF
    chances: NDArray[np.float64] = np.cumsum(weights / weights.sum())
    chances[-1] = 1.0
    return chances


def _hexadecimal(data: bytes, digits: int) -> pa.Array:
    text = np.frombuffer(data.hex().encode(), dtype=f"S{digits}")
    return pa.array(text, pa.binary(digits)).cast(pa.binary()).cast(pa.string())
