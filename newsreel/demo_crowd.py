"""Demo users, as clients of the API: they sign up, and watch, like, comment on and share a video.

The viewers' actions are a synthetic day (`newsreel.synthetic_events`), performed at once.
"""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from newsreel.credentials import set_password
from newsreel.synthetic_events.population import Population
from schemas.errors import LogInError, StageError
from stores.private_files import read_or_create
from streaming.client.session import ApiClient, parse_answer

VIEWERS = ("ada", "grace", "linus")
SEED, EVENTS, DAY = 2, 40, date(2026, 1, 1)
ACTION_TABLES = ("views", "reactions", "comments")
SHARE_LIFETIME_S = 7 * 24 * 3600
COUNTED_WITHIN_S = 10.0
"""Counters may lag 5 s."""
_TIMEOUT_S = 30.0

Say = Callable[[str], None]


def log_in(api_url: str, home: Path, user_name: str) -> ApiClient:
    """Log a demo user in, after signing it up if necessary; all share a password stored under HOME."""
    password = read_or_create(home / "keys" / "demo_password", lambda: secrets.token_urlsafe(16))
    body = {"user_name": user_name, "password": password}
    with httpx.Client(base_url=api_url, timeout=_TIMEOUT_S, trust_env=False) as http:
        http.post("/v1/users", json=body)
    client = ApiClient(home / "demo" / user_name, api_url)
    try:
        client.log_in(user_name, password)
    except LogInError:  # `newsreel ingest` has made the account, without a password
        set_password(user_name, password)
        client.log_in(user_name, password)
    return client


@dataclass(frozen=True)
class Action:
    """One action of a viewer (index into `VIEWERS`): a row of `views`, `reactions` or `comments`."""

    table: str
    viewer: int
    row: dict[str, Any]


def build_actions() -> list[Action]:
    """Build the viewers' day in order, with comments last: once they are there, everything else is."""
    population = Population(SEED, users=len(VIEWERS), videos=1, first=DAY)
    population.generate_initial()
    viewers = {user_id: number for number, user_id in enumerate(population.user_ids.to_pylist())}
    events = population.generate_day(EVENTS).to_pylist()
    rows = [
        (event["table_name"], json.loads(event["row"]))
        for event in events
        if event["table_name"] in ACTION_TABLES
    ]
    actions = [Action(name, viewers[row["user_id"]], row) for name, row in rows]
    return sorted(actions, key=lambda action: action.table == "comments")


def perform_actions(api_url: str, home: Path, video_id: str, say: Say) -> None:
    """Perform the viewers' day on a video, unless all of its comments are there already."""
    path = f"/v1/videos/{video_id}"
    clients = [log_in(api_url, home, name) for name in VIEWERS]
    duration_s = parse_answer(clients[0].request("GET", path))["duration_s"]
    actions = build_actions()
    expected_comments = sum(action.table == "comments" for action in actions)
    comments = parse_answer(clients[0].request("GET", f"{path}/comments", params={"limit": 100}))["items"]
    if len(comments) >= expected_comments:
        return
    for number, action in enumerate(actions):
        client = clients[action.viewer]
        if action.table == "views":
            view = {
                "session_id": action.row["session_id"],
                "watched_s": min(action.row["watched_s"], duration_s),
            }
            parse_answer(client.request("POST", f"{path}/views", json=view))
        elif action.table == "reactions":
            parse_answer(client.request("PUT", f"{path}/reaction", json={"kind": action.row["kind"]}))
        else:
            key = {"Idempotency-Key": f"demo-{video_id}-{number}"}
            text = {"text": action.row["text"]}
            parse_answer(client.request("POST", f"{path}/comments", json=text, headers=key))
    say(f"{', '.join(VIEWERS)}: {len(actions)} views, reactions and comments")
    _wait_for_counters(clients[0], path, count_actions(actions))


def count_actions(actions: Sequence[Action]) -> dict[str, int]:
    """Count the video's likes, dislikes and views after these actions."""
    kinds = Counter(
        {action.viewer: action.row["kind"] for action in actions if action.table == "reactions"}.values()
    )
    sessions = {(action.viewer, action.row["session_id"]) for action in actions if action.table == "views"}
    return {"likes": kinds["like"], "dislikes": kinds["dislike"], "views": len(sessions)}


def create_share_link(uploader: ApiClient, home: Path, video_id: str) -> None:
    """Create a share link that is valid for a week, and store its path for `read_share_path`."""

    def create() -> str:
        body = {"expires_in_s": SHARE_LIFETIME_S}
        response = uploader.request("POST", f"/v1/videos/{video_id}/shares", json=body)
        return urlsplit(parse_answer(response)["url"]).path

    read_or_create(_locate_share_file(home, video_id), create)


def read_share_path(home: Path, video_id: str) -> str | None:
    """Read the path of the share link, which is valid on any port of the API; None if there is none."""
    file = _locate_share_file(home, video_id)
    return file.read_text() if file.exists() else None


def _locate_share_file(home: Path, video_id: str) -> Path:
    return home / "demo" / f"share-{video_id}"


def _wait_for_counters(client: ApiClient, path: str, expected: Mapping[str, int]) -> None:
    deadline = time.monotonic() + COUNTED_WITHIN_S
    while True:
        video = parse_answer(client.request("GET", path))
        if all(video[name] == count for name, count in expected.items()):
            return
        if time.monotonic() > deadline:
            counters = {name: video[name] for name in expected}
            raise StageError(
                f"counters of {path} are {counters} after {COUNTED_WITHIN_S:.0f} s, expected {dict(expected)}"
            )
        time.sleep(0.2)
