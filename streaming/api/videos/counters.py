"""Counters of videos, applied from tallies in batches, so that a popular video does not become a hot row."""

from __future__ import annotations

from schemas.counters import COUNTER_NAMES
from streaming.serving.database import Connection, Database

INTERVAL_S = 1.0
"""Counters may lag 5 s."""
BATCH_TALLIES = 50_000
LOCK = 0x74616C6C79
"""Advisory lock of the process that applies tallies: "tally" in ASCII."""

NAMES = ", ".join(COUNTER_NAMES)
APPLY = f"""
    WITH taken AS (
        DELETE FROM tallies WHERE tally_id IN (SELECT tally_id FROM tallies ORDER BY tally_id LIMIT %s)
        RETURNING video_id, {NAMES}
    ), sums AS (
        SELECT video_id, {", ".join(f"sum({name})::bigint AS {name}" for name in COUNTER_NAMES)}
        FROM taken GROUP BY video_id
    ), changed AS (
        -- Never below 0: an import may have set a counter to less than what was taken back since.
        UPDATE videos v SET {", ".join(f"{name} = greatest(0, v.{name} + s.{name})" for name in COUNTER_NAMES)}
        FROM sums s WHERE v.video_id = s.video_id AND ({" OR ".join(f"s.{name} <> 0" for name in COUNTER_NAMES)})
    )
    SELECT count(*) AS taken FROM taken
""".encode()


async def apply_tallies(database: Database) -> int:
    """Add all tallies to the videos' counters; returns how many. One process at a time does, others return 0."""
    total = 0
    while True:
        async with database.transaction() as connection:
            applied = await _apply_batch(connection)
        total += applied
        if applied < BATCH_TALLIES:
            return total


async def _apply_batch(connection: Connection) -> int:
    cursor = await connection.execute("SELECT pg_try_advisory_xact_lock(%s) AS acquired", (LOCK,))
    row = await cursor.fetchone()
    if not (row and row["acquired"]):
        return 0
    cursor = await connection.execute(APPLY, (BATCH_TALLIES,))
    row = await cursor.fetchone()
    return int(row["taken"]) if row else 0
