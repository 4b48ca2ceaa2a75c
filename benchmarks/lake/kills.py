"""Part `kills`: SIGKILL of consumers, Spark, Airflow and PostgreSQL under a load of writes; writers that are stopped.

All refreshes use Spark here. A refresh or a maintenance that is stopped (SIGSTOP) is overtaken by another attempt of
its run, and goes on after that. After each of these, once everything has settled, every event of the outbox must be in
the lake once, and the tables must equal those of PostgreSQL. At the end a replay from nothing must give the same
tables, and the counters that the API shows must equal those counted from the lake's rows.

Tests: tests/e2e/test_lake_kills.py.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from benchmarks.api.load import Connection, build_request, connections
from benchmarks.api.people import Person, insert_ready_videos, sign_up
from benchmarks.api.servers import Servers, find_stack_servers
from benchmarks.fresh_home import FreshHome
from benchmarks.json_lines import read_json_lines
from benchmarks.lake.programs import refresh, run_module
from benchmarks.lake.replay import find_differences
from benchmarks.processes import list_processes
from benchmarks.report import Figure, Say
from schemas.tables import LIVE_TABLES
from stores.delta import Lake

REFRESH, MAINTENANCE = "stopped refresh", "stopped maintenance"
STOPPED = {REFRESH: "jobs.refresh_tables", MAINTENANCE: "jobs.maintain_lake"}
"""Victims that are stopped, overtaken and continued, and the program of each."""
VICTIMS = ("consumers", "spark", "scheduler", "postgresql", MAINTENANCE, "refresh", REFRESH)
WRITERS = 8
REST_WITHIN_S = 900.0
VICTIM_WITHIN_S = 300.0
"""How long to wait for a victim: a refresh and its JVM run for some seconds now and then."""
STOPPED_WITHIN_S = 3.0
"""A first attempt is stopped at a random time of so many seconds after its start."""
POLL_S = 0.2


@dataclass
class Outcome:
    """Result of one point; `problems` is empty where all held."""

    seed: int
    number: int
    victim: str
    hit: bool
    events: int
    problems: list[str]
    took_s: float


def measure(points: int, seed: int, resume: Path | None, say: Say) -> list[Figure]:
    """Run so many points on one stack; those recorded in the file `resume` are not repeated."""
    outcomes = {(one["seed"], one["number"]): Outcome(**one) for one in read_json_lines(resume)}
    missing = [number for number in range(points) if (seed, number) not in outcomes]
    differences_at_end: list[str] = []
    if missing:
        with FreshHome({"NEWSREEL_LIMITS": "off", "NEWSREEL_REFRESH_SMALL_EVENTS": "0"}) as house:
            house.start_stack()
            for number in missing:
                outcome = asyncio.run(_run_point(house, find_stack_servers(house), seed, number))
                outcomes[seed, number] = outcome
                result = "; ".join(outcome.problems) or "all there, once"
                say(f"kills: {outcome.victim}: {result} ({outcome.took_s:.0f} s)")
                if resume:
                    with resume.open("a") as log:
                        log.write(json.dumps(asdict(outcome)) + "\n")
            differences_at_end = _check_replay(house, say)
    done = [outcomes[seed, number] for number in range(points)]
    return [
        Figure("kills: points", len(done), "points"),
        Figure("kills: points with an event lost or twice, or another table",
               sum(bool(o.problems) for o in done), "points", limit=0),
        Figure("kills: victims that were not there", sum(not o.hit for o in done), "points"),
        Figure("kills: events written under them", sum(o.events for o in done), "events"),
        Figure("kills: tables that a replay from nothing makes otherwise, counters that differ",
               len(differences_at_end), "", limit=0),
    ]  # fmt: skip


async def _run_point(house: FreshHome, served: Servers, seed: int, number: int) -> Outcome:
    dice = random.Random(f"{seed}/{number}")  # noqa: S311 - a seeded bench
    victim, begun = VICTIMS[number % len(VICTIMS)], time.monotonic()
    name = f"kills-{seed}-{number}"
    videos = insert_ready_videos(served, 5, name)
    everybody = await sign_up(served, WRITERS, name)
    end = asyncio.Event()
    before = _count_events(served)
    writing = [
        asyncio.create_task(_write(served.port, person, videos, random.Random(f"{name}/{place}"), end))  # noqa: S311
        for place, person in enumerate(everybody)
    ]
    await asyncio.sleep(dice.uniform(0.5, 3.0))
    if victim in STOPPED:
        hit = await asyncio.to_thread(_stop_and_overtake, house, STOPPED[victim], name, dice)
    else:
        found = await asyncio.to_thread(_wait_for_victim, house, victim)
        hit = bool(found)
        for process in found:
            with suppress(psutil.Error):
                process.kill()
    await asyncio.sleep(2.0)
    end.set()
    await asyncio.gather(*writing)
    problems = await asyncio.to_thread(_wait_until_at_rest, house, served)
    took_s = round(time.monotonic() - begun, 1)
    return Outcome(seed, number, victim, hit, _count_events(served) - before, problems, took_s)


def _stop_and_overtake(house: FreshHome, module: str, run_id: str, dice: random.Random) -> bool:
    """Stop a first attempt of a program somewhere in its work, let a second one overtake it, and let the first go on.

    Returns whether it was still running when it was stopped.
    """
    environment = {**house.environment, "NEWSREEL_DATABASE_URL": str(house.database_url)}
    more = ["--day", f"{datetime.now(UTC):%Y-%m-%d}"] if module == STOPPED[MAINTENANCE] else []
    command = [sys.executable, "-m", module, "--run-id", run_id, *more]
    with subprocess.Popen(
        [*command, "--attempt", "1"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as first:
        try:
            while first.poll() is None and not _is_started(house, run_id):
                time.sleep(POLL_S)
            time.sleep(dice.uniform(0.0, STOPPED_WITHIN_S))
            hit = first.poll() is None
            program = psutil.Process(first.pid)
            processes = [program, *program.children(recursive=True)] if hit else []
            for process in processes:
                process.suspend()
            subprocess.run(
                [*command, "--attempt", "2"], env=environment, check=False, capture_output=True,
                timeout=REST_WITHIN_S,
            )  # fmt: skip
            for process in processes:
                process.resume()
            first.wait(REST_WITHIN_S)
        finally:
            if first.poll() is None:
                first.kill()
    return hit


def _is_started(house: FreshHome, run_id: str) -> bool:
    """Whether the run's first attempt has been recorded: it has its fence."""
    return house.lake.read("pipeline_runs", where={"run_id": run_id}).num_rows > 0


async def _write(
    port: int, person: Person, videos: list[str], dice: random.Random, end: asyncio.Event
) -> None:
    """Write until `end` is set; writes that fail while PostgreSQL is down are repeated."""
    while not end.is_set():
        with suppress(OSError, ConnectionError):
            async with connections(port, 1) as [connection]:
                while not end.is_set():
                    await _act(connection, person, videos, dice)
        await asyncio.sleep(0.1)


async def _act(connection: Connection, person: Person, videos: list[str], dice: random.Random) -> None:
    path, draw = f"/v1/videos/{dice.choice(videos)}", dice.random()
    if draw < 0.5:
        view = {"session_id": f"s{dice.randrange(200)}", "watched_s": dice.randrange(1, 500)}
        made = build_request("POST", f"{path}/views", token=person.token, body=view)
    elif draw < 0.7:
        body = {"kind": dice.choice(("like", "dislike"))}
        made = build_request("PUT", f"{path}/reaction", token=person.token, body=body)
    elif draw < 0.8:
        made = build_request("DELETE", f"{path}/reaction", token=person.token)
    else:
        made = build_request("POST", f"{path}/comments", token=person.token, body={"text": "so"})
    await connection.ask(made)


def _wait_for_victim(house: FreshHome, victim: str) -> list[psutil.Process]:
    """Wait for a process of the victim; returns its processes, none after VICTIM_WITHIN_S."""
    deadline = time.monotonic() + VICTIM_WITHIN_S
    while not (found := list(_find_victims(house, victim))):
        if time.monotonic() > deadline:
            return []
        time.sleep(POLL_S)
    return found


def _find_victims(house: FreshHome, victim: str) -> Iterator[psutil.Process]:
    if victim == "postgresql":
        if server := house.find_postgres():
            yield server
        return
    words = {
        "consumers": "streaming.consumers",
        "spark": "org.apache.spark.deploy.SparkSubmit",
        "refresh": "jobs.refresh_tables",
        "scheduler": "scheduler",
    }[victim]
    for process in list_processes(house):
        with suppress(psutil.Error):
            line = process.cmdline()
            if any(words in part for part in line) and "leash" not in line:
                yield process


def _wait_until_at_rest(house: FreshHome, served: Servers) -> list[str]:
    """Wait until all events are refreshed, REST_WITHIN_S at most; returns the problems that remain."""
    deadline = time.monotonic() + REST_WITHIN_S
    problems = ["not checked"]
    while problems and time.monotonic() < deadline:
        time.sleep(1.0)
        problems = [*_find_event_problems(house, served), *_find_table_problems(house, served)]
    return problems


def _count_events(served: Servers) -> int:
    with served.connect() as connection:
        row = connection.execute("SELECT count(*) AS events FROM events").fetchone()
    return int(str(row["events"])) if row else 0


def _find_event_problems(house: FreshHome, served: Servers) -> list[str]:
    with served.connect() as connection:
        written = {
            int(str(row["event_id"])) for row in connection.execute("SELECT event_id FROM events").fetchall()
        }
    held = house.lake.read("events", columns=["event_id"])["event_id"].to_pylist()
    found = []
    if missing := len(written - set(held)):
        found.append(f"{missing} events are not in the lake")
    if (twice := len(held) - len(set(held))) > 0:
        found.append(f"{twice} events are in the lake twice")
    return found


def _find_table_problems(house: FreshHome, served: Servers) -> list[str]:
    """Find live tables whose keys in the lake differ from those in PostgreSQL."""
    found = []
    with served.connect() as connection:
        for declared in LIVE_TABLES:
            key = ", ".join(declared.key)
            query = f"SELECT {key} FROM {declared.name}"
            live = {tuple(row.values()) for row in connection.execute(query.encode()).fetchall()}
            rows = house.lake.read(declared.name, columns=list(declared.key)).to_pylist()
            if live != {tuple(row.values()) for row in rows} or len(rows) != len(live):
                found.append(f"{declared.name} has {len(rows)} rows in the lake, {len(live)} live")
    return found


def _check_replay(house: FreshHome, say: Say) -> list[str]:
    """Replay from nothing; returns the tables that differ, and the counters that do not add up."""
    say("kills: a replay from nothing, and the counters")
    uri = (house.folder / "again").as_uri()
    shutil.copytree(house.home / "lake" / "events", house.folder / "again" / "events")
    environment = {**house.environment, "NEWSREEL_DATABASE_URL": str(house.database_url)}
    again = Lake(uri)
    again.ensure()
    refresh(
        {**environment, "NEWSREEL_LAKE_URI": uri, "NEWSREEL_REFRESH_SMALL_EVENTS": "1000000"}, "from-nothing"
    )
    found = find_differences(house.lake, again)
    run_module("jobs.reconcile", ["--run-id", "after-the-storm"], environment)
    rows = house.lake.read("reconciliations", where={"run_id": "after-the-storm"}).to_pylist()
    return [*found, *(row["counter"] for row in rows if row["live"] != row["lake"])]
