"""Every table of the lake, one module for each room that writes it."""

from __future__ import annotations

from schemas.errors import NotFoundError
from schemas.table import Table
from schemas.tables.inspection import CHUNKS, FINGERPRINTS, INSPECTIONS
from schemas.tables.matching import MATCHES
from schemas.tables.people import USERS
from schemas.tables.records import EVENTS, PIPELINE_RUNS, QUALITY_RESULTS, REJECTED_ROWS
from schemas.tables.videos import RENDITIONS, VIDEOS

TABLES: dict[str, Table] = {
    declared.name: declared
    for declared in (
        USERS,
        VIDEOS,
        CHUNKS,
        INSPECTIONS,
        FINGERPRINTS,
        MATCHES,
        RENDITIONS,
        EVENTS,
        PIPELINE_RUNS,
        QUALITY_RESULTS,
        REJECTED_ROWS,
    )
}

LIVE_TABLES = [declared for declared in TABLES.values() if declared.live]
"""Tables that PostgreSQL holds, and that `refresh_tables` derives from events."""


def table(name: str) -> Table:
    """The declaration of `name`. Raises NotFoundError that lists the tables there are."""
    if name not in TABLES:
        raise NotFoundError(f"no table {name!r}; there are {', '.join(TABLES)}")
    return TABLES[name]
