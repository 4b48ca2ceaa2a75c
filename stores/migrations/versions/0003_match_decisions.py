"""What operators decide of matches."""

from stores.migrations.script import run_sql_of

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the SQL beside this."""
    run_sql_of(__file__)
