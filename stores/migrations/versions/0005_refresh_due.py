"""Due refreshes of the tables, in the row of the lake sink."""

from stores.migrations.script import run_sql_of

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the SQL beside this."""
    run_sql_of(__file__)
