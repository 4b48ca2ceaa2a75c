"""People: who they are, for those few parts that may know, and how they know each other."""

from __future__ import annotations

from schemas.table import Column
from schemas.tables.columns import LAST_EVENT_ID, declare_created
from schemas.tables.live import live_table

USERS = live_table(
    name="users",
    comment="Everyone who has an account.",
    row="one account as it is now",
    key=("user_id",),
    owner="live API",
    computed=("age",),
    shard_key="user_id",
    columns=(
        Column("user_id", "string", "The account, minted at the edge.", identifier=True),
        Column("user_name", "string", "What others call them.", personal=True, unique=True),
        Column("name", "string", "Full name.", nullable=True, personal=True),
        Column("email", "string", "Address for letters.", nullable=True, personal=True),
        Column("date_of_birth", "date", "Age is computed from it when read.", nullable=True, personal=True),
        Column("reg_id", "string", "Device registration for push.", nullable=True, personal=True),
        Column("last_login", "timestamp", "When they last opened a session, UTC.", nullable=True),
        declare_created("When the account was made, UTC."),
        LAST_EVENT_ID,
    ),
)

FRIENDSHIPS = live_table(
    name="friendships",
    comment="Who are friends: asked by one, accepted by the other.",
    row="one pair of friends, the lower id first",
    key=("user_id_1", "user_id_2"),
    owner="live API",
    shard_key="user_id_1",
    columns=(
        Column("user_id_1", "string", "The friend whose id is lower, by code point.", identifier=True),
        Column("user_id_2", "string", "The friend whose id is higher.", identifier=True),
        declare_created("When the second of them agreed, UTC."),
        LAST_EVENT_ID,
    ),
    ordered_pair=True,
    indexes=(("user_id_2", "user_id_1"),),
)

FOLLOWS = live_table(
    name="follows",
    comment="Whose posts somebody wants to read without being a friend.",
    row="one account that follows another",
    key=("follower_id", "followee_id"),
    owner="live API",
    shard_key="follower_id",
    columns=(
        Column("follower_id", "string", "Who follows.", identifier=True),
        Column("followee_id", "string", "Who is followed.", identifier=True),
        declare_created("Since when, UTC."),
        LAST_EVENT_ID,
    ),
    indexes=(("followee_id", "follower_id"),),
)

BLOCKS = live_table(
    name="blocks",
    comment="Who does not want to see somebody, nor be seen by them.",
    row="one account that blocks another",
    key=("user_id", "blocked_id"),
    owner="live API",
    shard_key="user_id",
    columns=(
        Column("user_id", "string", "Who blocks.", identifier=True),
        Column("blocked_id", "string", "Who is blocked.", identifier=True),
        declare_created("Since when, UTC."),
        LAST_EVENT_ID,
    ),
    indexes=(("blocked_id", "user_id"),),
)

POSTS = live_table(
    name="posts",
    comment="What people write for those who read them.",
    row="one post (a news feed item)",
    key=("post_id",),
    owner="live API",
    shard_key="user_id",
    columns=(
        Column("post_id", "string", "The post, minted at the edge.", identifier=True),
        Column("user_id", "string", "Who wrote it.", identifier=True),
        Column("content", "string", "What it says."),
        Column("creation_time", "timestamp", "When it was written, UTC."),
        LAST_EVENT_ID,
    ),
    indexes=(("user_id", "creation_time"),),
)
