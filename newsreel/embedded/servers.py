"""PostgreSQL for a command: the server of NEWSREEL_DATABASE_URL, otherwise the embedded one while the command runs.

Tests: tests/newsreel/embedded/test_foreground.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from newsreel.embedded.postgres import EmbeddedPostgres
from schemas.settings import Settings, settings
from stores.delta import lake
from stores.migrations.migrate import migrate

DATABASE_URL = "NEWSREEL_DATABASE_URL"


@contextmanager
def database() -> Iterator[Settings]:
    """Make PostgreSQL reachable and migrated, and create the lake's tables; for this process and those that it starts.

    Yields the settings with the database's URL filled in. Raises DependencyError where it cannot be reached.
    """
    if settings().database_url:
        migrate()
        lake().ensure()
        yield settings()
        return
    with EmbeddedPostgres(settings().home) as server:
        os.environ[DATABASE_URL] = server.url()
        settings.cache_clear()
        try:
            migrate()
            lake().ensure()
            yield settings()
        finally:
            del os.environ[DATABASE_URL]
            settings.cache_clear()
