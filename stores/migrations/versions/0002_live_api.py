"""The live API: all tables that people change, their events by triggers, and the outbox in partitions."""

from stores.migrations.script import run_sql_of

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the SQL beside this."""
    run_sql_of(__file__)
