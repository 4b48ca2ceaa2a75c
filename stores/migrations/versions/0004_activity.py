"""Who was active; and events no longer say what somebody is called."""

from stores.migrations.script import run_sql_of

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the SQL beside this."""
    run_sql_of(__file__)
