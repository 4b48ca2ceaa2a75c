"""What people do with videos: watch, like, comment, share."""

from __future__ import annotations

from schemas.counters import DISLIKES, LIKES
from schemas.counters import VIEWS as VIEWS_COUNTER
from schemas.table import Column
from schemas.tables.columns import LAST_EVENT_ID, VIDEO_ID, declare_created
from schemas.tables.live import live_table

USER_ID = Column("user_id", "string", "Who did it.", identifier=True)

VIEWS = live_table(
    name="views",
    comment="Real playback, which the client asserts.",
    row="one session in which somebody watched a video",
    key=("video_id", "user_id", "session_id"),
    owner="live API",
    shard_key="video_id",
    partitions=16,
    indexes=(("user_id",),),
    counters=(VIEWS_COUNTER,),  # by tally_views()
    columns=(
        VIDEO_ID,
        USER_ID,
        Column("session_id", "string", "The client's session, as it names it.", identifier=True),
        Column("watched_s", "float64", "The longest time watched that was told.", unit="s", minimum=0),
        declare_created("When it was told first, UTC."),
        LAST_EVENT_ID,
    ),
)

REACTIONS = live_table(
    name="reactions",
    comment="Likes and dislikes, one for each user and video.",
    row="what one account thinks of one video now",
    key=("video_id", "user_id"),
    owner="live API",
    shard_key="video_id",
    indexes=(("user_id",),),
    counters=(LIKES, DISLIKES),  # by tally_reactions()
    columns=(
        VIDEO_ID,
        USER_ID,
        Column("kind", "string", "What they think of it.", allowed=("like", "dislike")),
        declare_created("Since when, UTC."),
        LAST_EVENT_ID,
    ),
)

COMMENTS = live_table(
    name="comments",
    comment="What people say about videos.",
    row="one comment on one video",
    key=("comment_id",),
    owner="live API",
    shard_key="video_id",
    indexes=(("video_id", "creation_time", "comment_id"), ("user_id",)),
    columns=(
        Column("comment_id", "string", "The comment, minted at the edge.", identifier=True),
        VIDEO_ID,
        USER_ID,
        Column("text", "string", "What it says."),
        Column("creation_time", "timestamp", "When it was written, UTC."),
        LAST_EVENT_ID,
    ),
)

SHARES = live_table(
    name="shares",
    comment="Links by which anyone may watch a video for a while.",
    row="one link that somebody made and has not taken back",
    key=("share_id",),
    owner="live API",
    shard_key="video_id",
    indexes=(("video_id",), ("user_id",)),
    columns=(
        Column("share_id", "string", "The link, minted at the edge.", identifier=True),
        VIDEO_ID,
        USER_ID,
        Column("expires", "timestamp", "Until when it works, UTC."),
        declare_created("When it was made, UTC."),
        LAST_EVENT_ID,
    ),
)
