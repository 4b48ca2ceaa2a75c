"""People: accounts, friendships, follows, blocks and posts."""

from __future__ import annotations

from schemas.table import Column
from schemas.tables.columns import LAST_EVENT_ID, declare_created
from schemas.tables.live import live_table

USERS = live_table(
    name="users",
    comment="Accounts.",
    row="one account in its current state",
    key=("user_id",),
    owner="live API",
    computed=("age",),
    shard_key="user_id",
    columns=(
        Column("user_id", "string", "Id of the account, minted at the edge.", identifier=True),
        Column("user_name", "string", "Public name, unique.", personal=True, unique=True),
        Column("name", "string", "Full name.", nullable=True, personal=True),
        Column("email", "string", "Email address.", nullable=True, personal=True),
        Column(
            "date_of_birth",
            "date",
            "Date of birth; the age is computed from it on each read.",
            nullable=True,
            personal=True,
        ),
        Column("reg_id", "string", "Device registration for push.", nullable=True, personal=True),
        Column("last_login", "timestamp", "Time of the last log-in, UTC.", nullable=True),
        declare_created("Time of the sign-up, UTC."),
        LAST_EVENT_ID,
    ),
)

FRIENDSHIPS = live_table(
    name="friendships",
    comment="Friendships: requested by one account and accepted by the other.",
    row="one pair of friends, the lower id first",
    key=("user_id_1", "user_id_2"),
    owner="live API",
    shard_key="user_id_1",
    columns=(
        Column("user_id_1", "string", "Friend with the lower id, by code point.", identifier=True),
        Column("user_id_2", "string", "Friend with the higher id.", identifier=True),
        declare_created("Time of the acceptance, UTC."),
        LAST_EVENT_ID,
    ),
    ordered_pair=True,
    indexes=(("user_id_2", "user_id_1"),),
)

FOLLOWS = live_table(
    name="follows",
    comment="Follows: accounts whose posts an account reads without being a friend.",
    row="one account that follows another",
    key=("follower_id", "followee_id"),
    owner="live API",
    shard_key="follower_id",
    columns=(
        Column("follower_id", "string", "Account that follows.", identifier=True),
        Column("followee_id", "string", "Account that is followed.", identifier=True),
        declare_created("Start of the follow, UTC."),
        LAST_EVENT_ID,
    ),
    indexes=(("followee_id", "follower_id"),),
)

BLOCKS = live_table(
    name="blocks",
    comment="Blocks: two accounts of which neither sees the other, at the wish of one.",
    row="one account that blocks another",
    key=("user_id", "blocked_id"),
    owner="live API",
    shard_key="user_id",
    columns=(
        Column("user_id", "string", "Account that blocks.", identifier=True),
        Column("blocked_id", "string", "Account that is blocked.", identifier=True),
        declare_created("Start of the block, UTC."),
        LAST_EVENT_ID,
    ),
    indexes=(("blocked_id", "user_id"),),
)

POSTS = live_table(
    name="posts",
    comment="Posts: texts for the news feed.",
    row="one post (a news feed item)",
    key=("post_id",),
    owner="live API",
    shard_key="user_id",
    columns=(
        Column("post_id", "string", "Id of the post, minted at the edge.", identifier=True),
        Column("user_id", "string", "Author.", identifier=True),
        Column("content", "string", "Text."),
        Column("creation_time", "timestamp", "Time of writing, UTC."),
        LAST_EVENT_ID,
    ),
    indexes=(("user_id", "creation_time"),),
)
