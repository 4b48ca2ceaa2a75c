"""Every table of the lake, one module for each subject. Tests: tests/schemas/test_derived_forms.py.

Tests: tests/schemas/test_derived_forms.py, tests/schemas/test_rows.py.
"""

from __future__ import annotations

from schemas.errors import NotFoundError
from schemas.table import Table
from schemas.tables.activity import ACTIVE_USERS_DAILY, ACTIVITY, RETENTION
from schemas.tables.audit import AUDIT_LOG
from schemas.tables.engagement import ENGAGEMENT_DAILY, RECONCILIATIONS, TABLE_SIZES
from schemas.tables.inspection import CHUNKS, FINGERPRINTS, INSPECTIONS
from schemas.tables.matching import MATCH_DECISIONS, MATCHES
from schemas.tables.people import BLOCKS, FOLLOWS, FRIENDSHIPS, POSTS, USERS
from schemas.tables.records import EVENTS, PIPELINE_RUNS, QUALITY_RESULTS, REJECTED_ROWS
from schemas.tables.uploads import UPLOAD_CHUNKS, UPLOADS
from schemas.tables.videos import RENDITIONS, VIDEOS
from schemas.tables.watching import COMMENTS, REACTIONS, SHARES, VIEWS

TABLES: dict[str, Table] = {
    declared.name: declared
    for declared in (
        USERS,
        FRIENDSHIPS,
        FOLLOWS,
        BLOCKS,
        POSTS,
        UPLOADS,
        UPLOAD_CHUNKS,
        VIEWS,
        REACTIONS,
        COMMENTS,
        SHARES,
        ACTIVITY,
        AUDIT_LOG,
        MATCH_DECISIONS,
        # Last of the live tables: the version of its refresh commits is the cursor of the refresh.
        VIDEOS,
        CHUNKS,
        INSPECTIONS,
        FINGERPRINTS,
        MATCHES,
        RENDITIONS,
        ENGAGEMENT_DAILY,
        ACTIVE_USERS_DAILY,
        RETENTION,
        RECONCILIATIONS,
        TABLE_SIZES,
        EVENTS,
        PIPELINE_RUNS,
        QUALITY_RESULTS,
        REJECTED_ROWS,
    )
}

LIVE_TABLES = [declared for declared in TABLES.values() if declared.live]
"""Tables that PostgreSQL stores, and that `refresh_tables` derives from events."""


def table(name: str) -> Table:
    """The declaration of `name`. Raises NotFoundError that lists the tables."""
    if name not in TABLES:
        raise NotFoundError(f"no table {name!r}; the tables are {', '.join(TABLES)}")
    return TABLES[name]
