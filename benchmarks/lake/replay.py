"""Part `replay`: a month of synthetic days, refreshed in order and replayed in random order: the same tables."""

from __future__ import annotations

import hashlib
import random
import shutil
from datetime import date, timedelta

from benchmarks.api.servers import servers
from benchmarks.fresh_home import FreshHome
from benchmarks.lake.programs import refresh, write_synthetic_events
from benchmarks.report import Figure, Say
from schemas.tables import LIVE_TABLES
from stores.delta import Lake

FIRST = date(2026, 1, 1)
DAYS = 30
PEOPLE = {"users": 5_000, "videos": 500}


def measure(events: int, seed: int, say: Say) -> list[Figure]:
    """Figures for `events` events per day."""
    with FreshHome() as house, servers(house) as served:
        environment = {**house.environment, "NEWSREEL_DATABASE_URL": served.database_url}
        say(f"replay: {DAYS} days of {events} events")
        write_synthetic_events(environment, [events] * DAYS, 0, PEOPLE)
        refresh(environment, "as-they-came")
        again = {**environment, "NEWSREEL_LAKE_URI": (house.folder / "again").as_uri()}
        shutil.copytree(house.home / "lake" / "events", house.folder / "again" / "events")
        # Accounts and videos were created on the day before; late events arrive days after.
        days = [FIRST + timedelta(days=number) for number in range(-1, DAYS)]
        random.Random(seed).shuffle(days)  # noqa: S311 - a seeded bench
        Lake(again["NEWSREEL_LAKE_URI"]).ensure()
        for number, day in enumerate(days, 1):
            refresh(again, f"replay-{day}", "--day", day.isoformat())
            say(f"replay: {number} of {len(days)} days")
        differing = find_differences(house.lake, Lake(again["NEWSREEL_LAKE_URI"]))
        before = read_versions(house.lake)
        refresh(environment, "whole-day", "--day", days[0].isoformat())
        changed = [name for name, version in read_versions(house.lake).items() if version != before[name]]
    return [
        Figure("replay: days in a random order", len(days), "days"),
        Figure("replay: tables that differ from those made in order", len(differing), "tables", limit=0),
        Figure("replay: tables that a day once more changes", len(changed), "tables", limit=0),
    ]


def find_differences(one: Lake, other: Lake) -> list[str]:
    """Live tables whose rows differ."""
    return [
        declared.name
        for declared in LIVE_TABLES
        if _compute_digest(one, declared.name) != _compute_digest(other, declared.name)
    ]


def read_versions(lake: Lake) -> dict[str, int]:
    """The newest version of each live table."""
    return {declared.name: lake.version(declared.name) for declared in LIVE_TABLES}


def _compute_digest(lake: Lake, name: str) -> str:
    rows = lake.read(name).to_pylist()
    return hashlib.sha256("\n".join(map(repr, rows)).encode()).hexdigest()
