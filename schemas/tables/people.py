"""People: who they are, for those few parts that may know."""

from __future__ import annotations

from schemas.table import Column, Table
from schemas.tables.columns import LAST_EVENT_ID

USERS = Table(
    name="users",
    comment="Everyone who has an account.",
    row="one account as it is now",
    key=("user_id",),
    writer="spark",
    small_writer="delta-rs",
    owner="live API",
    written_by="jobs.refresh_tables",
    fresh_within_s=600,
    live=True,
    computed=("age",),
    columns=(
        Column("user_id", "string", "The account, minted at the edge.", identifier=True),
        Column("user_name", "string", "What others call them.", unique=True),
        Column("name", "string", "Full name.", nullable=True, personal=True),
        Column("email", "string", "Address for letters.", nullable=True, personal=True),
        Column("date_of_birth", "date", "Age is computed from it when read.", nullable=True, personal=True),
        Column("reg_id", "string", "Device registration for push.", nullable=True, personal=True),
        Column("last_login", "timestamp", "When they last opened a session, UTC.", nullable=True),
        Column("created", "timestamp", "When the account was made, UTC."),
        LAST_EVENT_ID,
    ),
)
