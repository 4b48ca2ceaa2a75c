"""The tables as they were before there were migrations."""

from stores.migrations.script import run_sql_of

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the SQL beside this."""
    run_sql_of(__file__)
