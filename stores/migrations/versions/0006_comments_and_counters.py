"""Comments in plain technical English, and the trigger functions of counters, derived from the declarations."""

from stores.migrations.script import run_sql_of

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Run the SQL beside this."""
    run_sql_of(__file__)
