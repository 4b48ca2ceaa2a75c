"""Synthetic users and videos, their popularity, and what the users do in a day.

Tests: tests/newsreel/test_synthetic_events.py, tests/newsreel/test_demo_crowd.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from newsreel.synthetic_events.event_rows import Ints, build_events, to_timestamps

DAY_US = 86_400_000_000
ZIPF = 1.1
"""Exponent of the popularity of users and videos."""
EVENING, SPREAD = 0.78, 0.2
"""Mean and standard deviation of the time of day, as shares of a day."""
PROGRESS_AFTER_US = 60_000_000
"""A player reports the time watched again this long after its first report."""
SHARES = {
    "views": 0.6,
    "again": 0.12,
    "logins": 0.08,
    "reactions": 0.08,
    "comments": 0.05,
    "posts": 0.03,
    "follows": 0.03,
}
"""Of a day's events; the rest are deletions of the day before."""
DELETED_SHARE = 0.06
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
    """Users and videos of one seed. Call `generate_initial` first, then `generate_day` day by day."""

    def __init__(self, seed: int, users: int, videos: int, first: date, joined_over_days: int = 0) -> None:
        """`users`, `videos`: how many; all exist before the day `first`.

        `joined_over_days`: the accounts were created over this many days before `first`. If above 0, each day also has
        rows of `activity`, as the API writes them, on top of the requested number of events.
        """
        self._random = np.random.default_rng(seed)
        self._joined_over_days = joined_over_days
        self._activity: list[pa.Table] = []
        self.user_ids = _build_ids(f"user {seed}", users)
        self.video_ids = _build_ids(f"video {seed}", videos)
        self._user_weights, self._video_weights = _accumulate_zipf(users), _accumulate_zipf(videos)
        self.start_us = (first - date(1970, 1, 1)).days * DAY_US
        self._views = np.zeros(videos, np.int64)
        self._day = 0
        self._deletable: list[pa.Table] = []

    def generate_initial(self) -> pa.Table:
        """Generate the events of the accounts and videos, a microsecond before the first day."""
        users, videos = len(self.user_ids), len(self.video_ids)
        self._owners = self.user_ids.take(pa.array(self._random.integers(0, users, videos)))
        return pa.concat_tables(
            [
                self._build_users(np.arange(users), None),
                self._build_videos(np.arange(videos)),
            ]
        )

    def generate_day(self, events: int) -> pa.Table:
        """Generate about this many events of the next day, in order of time."""
        self._day_us = self.start_us + self._day * DAY_US
        counts = {name: max(1, int(events * share)) for name, share in SHARES.items()}
        day = pa.concat_tables(
            [*self._generate_deletions(), *self._generate_actions(counts), *self._generate_activity()]
        )
        self._day += 1
        return day.take(pc.sort_indices(day, [("at", "ascending")]))

    def _generate_actions(self, counts: dict[str, int]) -> Iterator[pa.Table]:
        """Generate views, log-ins, reactions, comments, posts and follows."""
        yield from self._generate_views(counts["views"], counts["again"])

        at = self._draw_times(counts["logins"])
        yield self._build_users(self._draw(self._user_weights, len(at)), at)

        at = self._draw_times(counts["reactions"])
        kind = pa.array(np.where(self._random.random(len(at)) < 0.85, "like", "dislike"))
        key = {"video_id": self._draw_videos(len(at)), "user_id": self._draw_users(len(at))}
        self._record_activity("watch", key["user_id"], at)
        reactions = build_events("reactions", {**key, "kind": kind, "created": to_timestamps(at)}, at)

        at = self._draw_times(counts["comments"])
        comment = {
            "comment_id": self._draw_timed_ids(at),
            "video_id": self._draw_videos(len(at)),
            "user_id": self._draw_users(len(at)),
        }
        self._record_activity("watch", comment["user_id"], at)
        content = {"text": self._draw_texts(len(at)), "creation_time": to_timestamps(at)}
        comments = build_events("comments", {**comment, **content}, at)
        self._deletable = [reactions, comments]
        yield from self._deletable

        at = self._draw_times(counts["posts"])
        post = {
            "post_id": self._draw_timed_ids(at),
            "user_id": self._draw_users(len(at)),
            "content": self._draw_texts(len(at)),
        }
        self._record_activity("feed", post["user_id"], at)
        yield build_events("posts", {**post, "creation_time": to_timestamps(at)}, at)

        at = self._draw_times(counts["follows"])
        edge = {"follower_id": self._draw_users(len(at)), "followee_id": self._draw_users(len(at))}
        self._record_activity("people", edge["follower_id"], at)
        yield build_events("follows", {**edge, "created": to_timestamps(at)}, at)

    def _generate_views(self, first: int, again: int) -> Iterator[pa.Table]:
        """Generate sessions, longer reports of some of them, and the videos' view counters."""
        created = self._draw_times(first)
        videos = self._draw(self._video_weights, first)
        key = {"video_id": self.video_ids.take(pa.array(videos)), "user_id": self._draw_users(first)}
        key["session_id"] = self._draw_ids(first)
        self._record_activity("watch", key["user_id"], created)
        watched_s = np.round(self._random.uniform(1, 30, first), 2)
        view = {**key, "watched_s": pa.array(watched_s), "created": to_timestamps(created)}
        yield build_events("views", view, created)

        some = np.sort(self._random.choice(first, min(again, first), replace=False))
        longer = {name: values.take(pa.array(some)) for name, values in key.items()}
        longer["watched_s"] = pa.array(np.round(watched_s[some] + self._random.uniform(1, 600, len(some)), 2))
        at = np.minimum(created[some] + PROGRESS_AFTER_US, self._day_us + DAY_US - 1)
        yield build_events("views", {**longer, "created": to_timestamps(created[some])}, at)

        self._views += np.bincount(videos, minlength=len(self._views))
        yield self._build_videos(np.unique(videos))

    def _generate_deletions(self) -> Iterator[pa.Table]:
        """Delete some reactions and comments of the day before."""
        for events in self._deletable:
            some = events.take(pa.array(np.flatnonzero(self._random.random(events.num_rows) < DELETED_SHARE)))
            keys = list(zip(*(key.split("/") for key in some["row_key"].to_pylist()), strict=True))
            if keys:
                name = some["table_name"][0].as_py()
                names = ("video_id", "user_id") if name == "reactions" else ("comment_id",)
                fields = {column: pa.array(values) for column, values in zip(names, keys, strict=True)}
                yield build_events(name, fields, self._draw_times(some.num_rows), "deleted")

    def _record_activity(self, surface: str, user_ids: pa.Array, at_us: Ints) -> None:
        if self._joined_over_days:
            columns = [user_ids, pa.repeat(surface, len(user_ids)), pa.array(at_us)]
            self._activity.append(pa.table(columns, names=["user_id", "surface", "at_us"]))

    def _generate_activity(self) -> Iterator[pa.Table]:
        """Generate the day's rows of `activity`: each user and surface at its first action."""
        if self._activity:
            recorded = pa.concat_tables(self._activity)
            first = (
                recorded.group_by(["user_id", "surface"]).aggregate([("at_us", "min")]).sort_by("at_us_min")
            )
            at = first["at_us_min"].to_numpy()
            day = pa.repeat((date(1970, 1, 1) + timedelta(microseconds=self._day_us)).isoformat(), len(at))
            user = {"user_id": first["user_id"].combine_chunks(), "day": day}
            surface = {"surface": first["surface"].combine_chunks(), "created": to_timestamps(at)}
            yield build_events("activity", {**user, **surface}, at)
            self._activity = []

    def _build_users(self, indices: Ints, logged_in_us: Ints | None) -> pa.Table:
        ids = self.user_ids.take(pa.array(indices))
        initial_us = np.full(len(ids), self._initial_us)
        created_us = (
            initial_us - indices % self._joined_over_days * DAY_US if self._joined_over_days else initial_us
        )
        last_login = pa.nulls(len(ids)) if logged_in_us is None else to_timestamps(logged_in_us)
        fields = {"user_id": ids, "last_login": last_login, "created": to_timestamps(created_us)}
        return build_events("users", fields, initial_us if logged_in_us is None else logged_in_us)

    def _build_videos(self, indices: Ints) -> pa.Table:
        """Build videos with their view counters at the end of the day."""
        count = len(indices)
        ids, null, zero = (
            self.video_ids.take(pa.array(indices)),
            pa.nulls(count),
            pa.array(np.zeros(count, np.int64)),
        )
        initial = self._day == 0 and not self._views.any()
        at = np.full(count, self._initial_us if initial else self._day_us + DAY_US - 1)
        fields = {
            "video_id": ids, "title": self._draw_texts(count), "description": null, "size_bytes": zero,
            "thumbnail_url": null, "uploader_id": self._owners.take(pa.array(indices)), "likes": zero,
            "dislikes": zero, "views": pa.array(self._views[indices]), "duration_s": pa.array(np.full(count, 600.5)),
            "status": pa.repeat("ready", count), "reasons": pa.nulls(count, pa.list_(pa.string())),
            "duplicate_of": null, "visibility": pa.repeat("public", count), "sha256": null, "package": null,
            "created": to_timestamps(np.full(count, self._initial_us)),
        }  # fmt: skip
        return build_events("videos", fields, at)

    @property
    def _initial_us(self) -> int:
        return self.start_us - 1

    def _draw_times(self, count: int) -> Ints:
        share = self._random.normal(EVENING, SPREAD, count) % 1.0
        return self._day_us + np.sort((share * (DAY_US - PROGRESS_AFTER_US)).astype(np.int64))

    def _draw(self, weights: NDArray[np.float64], count: int) -> Ints:
        """Draw indices by cumulative weights."""
        return np.searchsorted(weights, self._random.random(count)).astype(np.int64)

    def _draw_users(self, count: int) -> pa.Array:
        return self.user_ids.take(pa.array(self._draw(self._user_weights, count)))

    def _draw_videos(self, count: int) -> pa.Array:
        return self.video_ids.take(pa.array(self._draw(self._video_weights, count)))

    def _draw_ids(self, count: int) -> pa.Array:
        return _to_hexadecimal(self._random.bytes(16 * count), 32)

    def _draw_timed_ids(self, at_us: Ints) -> pa.Array:
        """Draw ids that sort by time, like UUIDv7 (RFC 9562)."""
        times = _to_hexadecimal((at_us // 1_000).astype(">u8").tobytes(), 16)
        return pc.binary_join_element_wise(
            times, _to_hexadecimal(self._random.bytes(8 * len(at_us)), 16), "-"
        )

    def _draw_texts(self, count: int) -> pa.Array:
        words = pa.array(WORDS)
        picked = (words.take(pa.array(self._random.integers(0, len(WORDS), count))) for _ in range(6))
        return pc.binary_join_element_wise(*picked, " ")


def _build_ids(kind: str, count: int) -> pa.Array:
    return pa.array([str(uuid5(NAMESPACE_OID, f"newsreel {kind} {number}")) for number in range(count)])


def _accumulate_zipf(count: int) -> NDArray[np.float64]:
    """Compute the cumulative Zipf distribution over `count` ranks, most popular first."""
    weights = 1 / np.arange(1, count + 1) ** ZIPF
    cumulative: NDArray[np.float64] = np.cumsum(weights / weights.sum())
    cumulative[-1] = 1.0
    return cumulative


def _to_hexadecimal(data: bytes, digits: int) -> pa.Array:
    text = np.frombuffer(data.hex().encode(), dtype=f"S{digits}")
    return pa.array(text, pa.binary(digits)).cast(pa.binary()).cast(pa.string())
