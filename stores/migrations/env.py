"""Environment of Alembic: runs the revisions on the given connection. Tests: tests/stores/test_migrations.py."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
