"""Counters of videos: changes are added up now and then, so that a popular video is no row that everybody waits for."""

from __future__ import annotations

from schemas.counters import COUNTER_NAMES
from streaming.serving.database import Connection, Database

EVERY_S = 1.0
"""The contract lets counters lag 5 s."""
AT_ONCE = 50_000
LOCK = 0x74616C6C79
"""Advisory lock of who adds up, "tally"."""

NAMES = ", ".join(COUNTER_NAMES)
ADD_UP = f"""
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


async def add_up(database: Database) -> int:
    """Add what is there to the videos' counters; returns how many changes. One process at a time, others return 0."""
    total = 0
    while True:
        async with database.transaction() as connection:
            taken = await _add_up(connection)
        total += taken
        if taken < AT_ONCE:
            return total


async def _add_up(connection: Connection) -> int:
    cursor = await connection.execute("SELECT pg_try_advisory_xact_lock(%s) AS held", (LOCK,))
    row = await cursor.fetchone()
    if not (row and row["held"]):
        return 0
    cursor = await connection.execute(ADD_UP, (AT_ONCE,))
    row = await cursor.fetchone()
    return int(row["taken"]) if row else 0
