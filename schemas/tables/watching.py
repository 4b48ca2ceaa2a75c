"""Views, reactions, comments and shares of videos."""

from __future__ import annotations

from schemas.counters import DISLIKES, LIKES
from schemas.counters import VIEWS as VIEWS_COUNTER
from schemas.table import Column
from schemas.tables.columns import LAST_EVENT_ID, VIDEO_ID, declare_created
from schemas.tables.live import live_table

USER_ID = Column("user_id", "string", "Account.", identifier=True)

VIEWS = live_table(
    name="views",
    comment="Playback of videos, as reported by clients.",
    row="one session in which an account watched a video",
    key=("video_id", "user_id", "session_id"),
    owner="live API",
    shard_key="video_id",
    partitions=16,
    indexes=(("user_id",),),
    counters=(VIEWS_COUNTER,),  # by tally_views()
    columns=(
        VIDEO_ID,
        USER_ID,
        Column("session_id", "string", "Viewing session, named by the client.", identifier=True),
        Column("watched_s", "float64", "Longest time watched that was reported.", unit="s", minimum=0),
        declare_created("Time of the first report, UTC."),
        LAST_EVENT_ID,
    ),
)

REACTIONS = live_table(
    name="reactions",
    comment="Likes and dislikes, one for each account and video.",
    row="the current reaction of one account to one video",
    key=("video_id", "user_id"),
    owner="live API",
    shard_key="video_id",
    indexes=(("user_id",),),
    counters=(LIKES, DISLIKES),  # by tally_reactions()
    columns=(
        VIDEO_ID,
        USER_ID,
        Column("kind", "string", "Kind of the reaction.", allowed=("like", "dislike")),
        declare_created("Time of the reaction, UTC."),
        LAST_EVENT_ID,
    ),
)

COMMENTS = live_table(
    name="comments",
    comment="Comments on videos.",
    row="one comment on one video",
    key=("comment_id",),
    owner="live API",
    shard_key="video_id",
    indexes=(("video_id", "creation_time", "comment_id"), ("user_id",)),
    columns=(
        Column("comment_id", "string", "Id of the comment, minted at the edge.", identifier=True),
        VIDEO_ID,
        USER_ID,
        Column("text", "string", "Text."),
        Column("creation_time", "timestamp", "Time of writing, UTC."),
        LAST_EVENT_ID,
    ),
)

SHARES = live_table(
    name="shares",
    comment="Links that let anyone watch a video for a limited time.",
    row="one link that has not been revoked",
    key=("share_id",),
    owner="live API",
    shard_key="video_id",
    indexes=(("video_id",), ("user_id",)),
    columns=(
        Column("share_id", "string", "Id of the link, minted at the edge.", identifier=True),
        VIDEO_ID,
        USER_ID,
        Column("expires", "timestamp", "Time at which it expires, UTC."),
        declare_created("Time of its creation, UTC."),
        LAST_EVENT_ID,
    ),
)
