"""Part `kills`: the API or PostgreSQL is killed (SIGKILL) under load, repeatedly.

Each writer sends one request at a time and retries it until it is acknowledged, as a client with an Idempotency-Key
does. Then the rows in PostgreSQL are compared with the acknowledged writes: nothing is lost or duplicated, each row has
one event, counters match; a concurrent upload keeps every acknowledged byte.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.api import uploads
from benchmarks.api.load import Connection, build_request
from benchmarks.api.people import Person, insert_ready_videos, sign_up
from benchmarks.api.servers import Servers
from benchmarks.fresh_home import FreshHome
from benchmarks.json_lines import read_json_lines
from benchmarks.report import Figure, Say
from schemas.errors import StageError

WRITERS = 8
VICTIMS = ("api", "postgresql")
RETRY_WITHIN_S = 300.0
COUNTED_WITHIN_S = 60.0
UPLOAD_BYTES = 6 << 20


@dataclass
class Outcome:
    """Result of one kill; `problems` is empty if it passed."""

    seed: int
    number: int
    victim: str
    after_s: float
    acknowledged: int
    problems: list[str]
    took_s: float


@dataclass
class Acknowledged:
    """State that the server has acknowledged to one writer."""

    comments: dict[str, str] = field(default_factory=dict)
    """Ids by text."""
    reaction: str | None = None
    sessions: set[str] = field(default_factory=set)
    posts: dict[str, str] = field(default_factory=dict)
    writes: int = 0


async def measure(
    house: FreshHome, servers: Servers, points: int, seed: int, resume: Path | None, say: Say
) -> list[Figure]:
    """Run `points` kills, without those that the file `resume` already has."""
    known = _read_outcomes(resume, seed)
    for number in range(points):
        if number in known:
            continue
        outcome = await _run_point(house, servers, seed, number)
        known[number] = outcome
        say(f"kills: {outcome.victim} after {outcome.after_s:.2f} s, {outcome.acknowledged} acknowledged: "
            f"{'; '.join(outcome.problems) or 'nothing lost, nothing duplicated'}")  # fmt: skip
        if resume:
            with resume.open("a") as log:
                log.write(json.dumps(asdict(outcome)) + "\n")
    done = [known[number] for number in range(points)]
    return [
        Figure("kills: points", len(done), "points"),
        Figure(
            "kills: points with something lost or twice",
            sum(bool(o.problems) for o in done),
            "points",
            limit=0,
        ),
        Figure("kills: writes that were acknowledged", sum(o.acknowledged for o in done), "writes"),
    ]


async def _run_point(house: FreshHome, servers: Servers, seed: int, number: int) -> Outcome:
    dice = random.Random(f"{seed}/{number}")  # noqa: S311 - a seeded bench
    victim, after_s = dice.choice(VICTIMS), dice.uniform(0.2, 2.0)
    begun = time.monotonic()
    name = f"kills-{seed}-{number}-{os.getpid()}"
    [video] = insert_ready_videos(servers, 1, name)
    people = await sign_up(servers, WRITERS + 1, name)
    acknowledged = [Acknowledged() for _ in range(WRITERS)]
    end = asyncio.Event()
    writing = [
        asyncio.create_task(_write(servers.port, person, video, one, random.Random(f"{name}/{place}"), end))  # noqa: S311
        for place, (person, one) in enumerate(zip(people, acknowledged, strict=False))
    ]
    uploading = asyncio.create_task(asyncio.to_thread(_upload, servers, people[-1], name))
    await asyncio.sleep(after_s)
    _kill(house, servers, victim)
    await asyncio.sleep(1.0)
    end.set()
    problems: list[str] = []
    for task in (*writing, uploading):
        try:
            problems += await task or []
        except (StageError, OSError) as error:
            problems.append(str(error))
    problems += await asyncio.to_thread(_check, servers, video, people, acknowledged)
    writes = sum(one.writes for one in acknowledged)
    return Outcome(seed, number, victim, after_s, writes, problems, time.monotonic() - begun)


def _kill(house: FreshHome, servers: Servers, victim: str) -> None:
    if victim == "api":
        servers.find_api().kill()
        return
    postmaster = house.find_postgres()
    if postmaster is None:
        raise StageError("PostgreSQL is not running, so it cannot be killed")
    with suppress(psutil.Error):
        for process in [postmaster, *postmaster.children(recursive=True)]:
            os.kill(process.pid, signal.SIGKILL)


async def _write(
    port: int, person: Person, video: str, acknowledged: Acknowledged, dice: random.Random, end: asyncio.Event
) -> list[str]:
    """Send one write at a time until `end` is set; each is retried until it is acknowledged."""
    client = _RetryingClient(port)
    path, number = f"/v1/videos/{video}", 0
    while not end.is_set():
        number += 1
        what, key = (
            dice.choice(("comment", "reaction", "view", "post", "none")),
            {"Idempotency-Key": f"k{number}"},
        )
        text = f"{person.user_id} {number}"
        if what == "comment":
            body = {"text": text}
            answer = await client.ask(
                build_request("POST", f"{path}/comments", token=person.token, body=body, headers=key)
            )
            acknowledged.comments[text] = answer["comment_id"]
        elif what == "post":
            body = {"content": text}
            answer = await client.ask(
                build_request("POST", "/v1/posts", token=person.token, body=body, headers=key)
            )
            acknowledged.posts[text] = answer["post_id"]
        elif what == "view":
            view: dict[str, Any] = {"session_id": f"s{number}", "watched_s": 5}
            await client.ask(build_request("POST", f"{path}/views", token=person.token, body=view))
            acknowledged.sessions.add(f"s{number}")
        elif what == "none":
            await client.ask(build_request("DELETE", f"{path}/reaction", token=person.token))
            acknowledged.reaction = None
        else:
            acknowledged.reaction = dice.choice(("like", "dislike"))
            body = {"kind": acknowledged.reaction}
            await client.ask(build_request("PUT", f"{path}/reaction", token=person.token, body=body))
        acknowledged.writes += 1
    return []


class _RetryingClient:
    """Client that reconnects, and retries a request until it is acknowledged."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: Connection | None = None

    async def ask(self, what: bytes) -> Any:
        deadline = time.monotonic() + RETRY_WITHIN_S
        failure = "no answer"
        while time.monotonic() < deadline:
            try:
                if self._connection is None:
                    loop = asyncio.get_running_loop()
                    self._connection = (await loop.create_connection(Connection, "127.0.0.1", self._port))[1]
                async with asyncio.timeout(15):
                    answer = await self._connection.ask(what)
            except (OSError, TimeoutError) as error:
                self._connection, failure = None, str(error)
            else:
                if answer.status < 300:
                    return answer.json() if answer.body else None
                failure = f"{answer.status} {answer.body[:200]!r}"
                if answer.status not in (409, 500, 503):
                    break
            await asyncio.sleep(0.05)
        raise StageError(f"{what[:60]!r} was never acknowledged: {failure}")


def _upload(servers: Servers, person: Person, name: str) -> list[str]:
    """Upload a file in pieces while the server is killed; returns the problems."""
    data = hashlib.shake_128(name.encode()).digest(UPLOAD_BYTES)
    acknowledged, url, deadline = 0, "", time.monotonic() + RETRY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", servers.port), timeout=15) as connection:
                url = url or uploads.create_upload(connection, person, len(data))
                at, video = uploads.read_offset(connection, person, url)
                if at < acknowledged:
                    return [f"upload: {acknowledged} bytes were acknowledged, {at} are stored"]
                if video is not None:
                    break
                answer = uploads.send_bytes(connection, person, url, at, data[at : at + (256 << 10)], {})
                if answer.status == 204:
                    acknowledged = at + min(256 << 10, len(data) - at)
        except (OSError, KeyError, RuntimeError):
            time.sleep(0.05)
    with servers.connect() as connection:
        digest = hashlib.sha256(data).hexdigest()
        if connection.execute("SELECT FROM videos WHERE sha256 = %s", (digest,)).fetchone() is None:
            return ["upload: the stored file differs from the one sent"]
    return []


def _check(
    servers: Servers, video: str, people: Sequence[Person], acknowledged: Sequence[Acknowledged]
) -> list[str]:
    """Compare the stored rows with the acknowledged writes; returns the problems."""
    problems: list[str] = []
    deadline = time.monotonic() + COUNTED_WITHIN_S
    with servers.connect() as connection:

        def rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
            return sorted(tuple(row.values()) for row in connection.execute(query.encode(), values))

        for person, one in zip(people, acknowledged, strict=False):
            for table, key, text, expected in (
                ("comments", "comment_id", "text", one.comments),
                ("posts", "post_id", "content", one.posts),
            ):
                stored = rows(f"SELECT {text}, {key} FROM {table} WHERE user_id = %s", person.user_id)
                if stored != sorted(expected.items()):
                    problems.append(f"{table}: {len(stored)} are stored, {len(expected)} were acknowledged")
                events = rows(
                    f"""SELECT row_key, count(*) FROM events WHERE table_name = %s AND row_key IN
                        (SELECT {key} FROM {table} WHERE user_id = %s) GROUP BY row_key""",
                    table, person.user_id,
                )  # fmt: skip
                if events != sorted((row_key, 1) for row_key in expected.values()):
                    problems.append(f"{table}: not exactly one event for each row")
            kinds = rows("SELECT kind FROM reactions WHERE user_id = %s", person.user_id)
            if kinds != ([(one.reaction,)] if one.reaction else []):
                problems.append(f"reactions: {kinds} is stored, {one.reaction} was acknowledged last")
            sessions = rows("SELECT session_id FROM views WHERE user_id = %s", person.user_id)
            if sessions != sorted((session,) for session in one.sessions):
                problems.append(f"views: {len(sessions)} are stored, {len(one.sessions)} were acknowledged")
        expected_counts = (
            sum(one.reaction == "like" for one in acknowledged),
            sum(one.reaction == "dislike" for one in acknowledged),
            sum(len(one.sessions) for one in acknowledged),
        )
        while True:
            [counts] = rows("SELECT likes, dislikes, views FROM videos WHERE video_id = %s", video)
            if counts == expected_counts:
                break
            if time.monotonic() > deadline:
                problems.append(f"counters: {counts}, but {expected_counts} were acknowledged")
                break
            time.sleep(0.1)
    return problems


def _read_outcomes(path: Path | None, seed: int) -> dict[int, Outcome]:
    outcomes = (Outcome(**saved) for saved in read_json_lines(path))
    return {outcome.number: outcome for outcome in outcomes if outcome.seed == seed}
