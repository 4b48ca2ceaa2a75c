"""Analytical queries on 20 M events in the lake, against DuckDB on plain Parquet files: `newsreel bench sql`.

The events are synthetic (`newsreel.synthetic_events`), compacted as after the nightly maintenance; DuckDB reads a copy
in plain files that it wrote itself. Both run in one process, alternating; ours opens the Delta table for every query,
as `newsreel sql` does. All results are compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from benchmarks.fresh_home import FreshHome
from benchmarks.lake.programs import MILLION, PEOPLE, split_days, write_synthetic_events
from benchmarks.machine import read_conditions
from benchmarks.options import Options, count, positive
from benchmarks.report import Figure, Report, Say
from schemas.errors import StageError
from stores.delta.maintenance import compact

LIMIT_RATIO = 2.0
PACKAGES = ("newsreel", "deltalake", "pyarrow", "duckdb")
SMALL = "how many of which kind"
QUESTIONS = {
    SMALL: """
        SELECT table_name, kind, count(*) AS events FROM events GROUP BY table_name, kind ORDER BY table_name, kind""",
    "how many a day": """
        SELECT date_trunc('day', "at") AS day, count(*) AS events FROM events GROUP BY day ORDER BY day""",
    "the rows that change most": """
        SELECT row_key, count(*) AS events FROM events WHERE table_name = 'reactions'
        GROUP BY row_key ORDER BY events DESC, row_key LIMIT 20""",
    "how many different rows": """
        SELECT count(DISTINCT row_key) AS keys FROM events WHERE table_name = 'views'""",
    "one day, by the hour": """
        SELECT date_trunc('hour', "at") AS hour, table_name, count(*) AS events FROM events
        WHERE "at" >= TIMESTAMP '2026-01-02T00:00:00Z' AND "at" < TIMESTAMP '2026-01-03T00:00:00Z'
        GROUP BY hour, table_name ORDER BY hour, table_name""",
    "the history of one row": """
        SELECT event_id, kind, "at" FROM events WHERE row_key = (SELECT min(row_key) FROM events
        WHERE table_name = 'comments') ORDER BY event_id""",
    "a word in a text": "SELECT count(*) AS events FROM events WHERE row LIKE '%dislike%'",
    "the newest hundred": """SELECT * FROM events ORDER BY "at" DESC, event_id DESC LIMIT 100""",
}

Rows = list[tuple[Any, ...]]


def run(arguments: Sequence[str], say: Say) -> Report:
    """Run the bench. Raises StageError if the results differ."""
    options = Options(
        "sql", "Analytical queries on the lake, against DuckDB on plain Parquet of the same rows."
    )
    options.add_argument("--millions", type=positive, default=20.0, help="millions of events (default: 20)")
    options.add_argument("--rounds", type=count, default=5, help="runs of each query (default: 5)")
    given = options.parse_args(list(arguments))
    found = read_conditions(packages=PACKAGES, programs=(), millions=given.millions, rounds=given.rounds)
    with FreshHome() as house:
        say(f"sql: generating {given.millions:g} M events")
        write_synthetic_events(house.environment, split_days(int(given.millions * MILLION)), 0, PEOPLE)
        compact(house.lake, "events")
        figures = _measure(house, given.rounds, say)
    ours = sum(figure.value or 0 for figure in figures if figure.name.endswith(": ours"))
    peer = sum(figure.value or 0 for figure in figures if figure.name.endswith(": duckdb"))
    return Report("sql", ours, peer, "duckdb on plain Parquet, all questions", "s", figures, found)


def _measure(house: FreshHome, rounds: int, say: Say) -> list[Figure]:
    import duckdb

    files = house.list_lake_files("events")
    plain = house.folder / "plain"
    peer = duckdb.connect()
    peer.execute("SET TimeZone = 'UTC'")
    peer.execute(f"COPY (SELECT * FROM read_parquet($files)) TO '{plain}' (FORMAT parquet, PER_THREAD_OUTPUT true)",
                 {"files": files})  # fmt: skip
    peer.execute(f"CREATE VIEW events AS SELECT * FROM '{plain}/*.parquet'")
    [events] = house.lake.query("SELECT count(*) AS events FROM events").to_pylist()
    figures = [Figure("events", events["events"], "events"), Figure("files of the lake", len(files), "files")]

    def query_ours(sql: str) -> Rows:
        return [tuple(row.values()) for row in house.lake.query(sql).to_pylist()]

    def query_peer(sql: str) -> Rows:
        return peer.execute(sql).fetchall()

    for name, sql in QUESTIONS.items():
        timed = [(_time_query(query_ours, sql), _time_query(query_peer, sql)) for _ in range(rounds)]
        if any(one[1] != other[1] for one, other in timed):
            raise StageError(f"{name}: the results differ")
        ratio = median(one[0] / other[0] for one, other in timed)
        say(f"sql: {name}: {ratio:.2f} of duckdb's time")
        figures.append(Figure(f"{name}: ours, of duckdb's time", ratio, "x", limit=LIMIT_RATIO))
        figures.append(Figure(f"{name}: ours", median(one[0] for one, _ in timed), "s"))
        figures.append(Figure(f"{name}: duckdb", median(other[0] for _, other in timed), "s"))
    typed = house.run_command("sql", QUESTIONS[SMALL], "--json")
    return [*figures, Figure(f"{SMALL}: as typed, with the start of `newsreel sql`", typed.wall_s, "s")]


def _time_query(query: Callable[[str], Rows], sql: str) -> tuple[float, Rows]:
    begun = time.monotonic()
    rows = query(sql)
    return time.monotonic() - begun, rows
