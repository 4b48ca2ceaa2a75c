"""The demo's people, who use the API as anybody would: they sign up, and watch, like, comment on and share a video.

What the watchers do with it is a made day of theirs (`newsreel.synthetic_events`), all of it now.
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
from stores.private_files import kept
from streaming.client.session import ApiClient, checked

UPLOADER = "demo"
WATCHERS = ("ada", "grace", "linus")
SEED, ACTS, DAY = 2, 40, date(2026, 1, 1)
ACTED_ON = ("views", "reactions", "comments")
SHARE_FOR_S = 7 * 24 * 3600
COUNTED_WITHIN_S = 10.0
"""Counters may lag 5 s."""
_TIMEOUT_S = 30.0

Say = Callable[[str], None]


def person(api_url: str, home: Path, user_name: str) -> ApiClient:
    """Log somebody in who signs up first where there is no such account; all share a password that lies under HOME."""
    password = kept(home / "keys" / "demo_password", lambda: secrets.token_urlsafe(16))
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
class Act:
    """What a watcher, by number, does with a video: a row of `views`, `reactions` or `comments`."""

    table: str
    watcher: int
    row: dict[str, Any]


def made_acts() -> list[Act]:
    """The watchers' day, in its order, but for what they say: that comes last, and shows that the rest is done."""
    population = Population(SEED, users=len(WATCHERS), videos=1, first=DAY)
    population.founding()
    numbers = {user_id: number for number, user_id in enumerate(population.user_ids.to_pylist())}
    made = population.day(ACTS).to_pylist()
    rows = [(act["table_name"], json.loads(act["row"])) for act in made if act["table_name"] in ACTED_ON]
    acts = [Act(name, numbers[row["user_id"]], row) for name, row in rows]
    return sorted(acts, key=lambda act: act.table == "comments")


def react(api_url: str, home: Path, video_id: str, say: Say) -> None:
    """Let the watchers have their day with a video, once: where all has been said, all is done."""
    path = f"/v1/videos/{video_id}"
    people = [person(api_url, home, name) for name in WATCHERS]
    duration_s = checked(people[0].request("GET", path))["duration_s"]
    acts = made_acts()
    comments = sum(act.table == "comments" for act in acts)
    said = checked(people[0].request("GET", f"{path}/comments", params={"limit": 100}))["items"]
    if len(said) >= comments:
        return
    for number, act in enumerate(acts):
        watcher = people[act.watcher]
        if act.table == "views":
            view = {
                "session_id": act.row["session_id"],
                "watched_s": min(act.row["watched_s"], duration_s),
            }
            checked(watcher.request("POST", f"{path}/views", json=view))
        elif act.table == "reactions":
            checked(watcher.request("PUT", f"{path}/reaction", json={"kind": act.row["kind"]}))
        else:
            key = {"Idempotency-Key": f"demo-{video_id}-{number}"}
            text = {"text": act.row["text"]}
            checked(watcher.request("POST", f"{path}/comments", json=text, headers=key))
    say(f"{', '.join(WATCHERS)} did with it what people do in a day: {len(acts)} acts")
    _wait_until_counted(people[0], path, counters_of(acts))


def counters_of(acts: Sequence[Act]) -> dict[str, int]:
    """What a video's counters are after these."""
    kinds = Counter({act.watcher: act.row["kind"] for act in acts if act.table == "reactions"}.values())
    sessions = {(act.watcher, act.row["session_id"]) for act in acts if act.table == "views"}
    return {"likes": kinds["like"], "dislikes": kinds["dislike"], "views": len(sessions)}


def share(uploader: ApiClient, home: Path, video_id: str) -> None:
    """Make a link that works for a week, for whoever has it; it is kept for the next `shared_path`."""

    def make() -> str:
        answer = uploader.request("POST", f"/v1/videos/{video_id}/shares", json={"expires_in_s": SHARE_FOR_S})
        return urlsplit(checked(answer)["url"]).path

    kept(_share_file(home, video_id), make)


def shared_path(home: Path, video_id: str) -> str | None:
    """The link's path on whichever port the API has now; None where none was made."""
    file = _share_file(home, video_id)
    return file.read_text() if file.exists() else None


def _share_file(home: Path, video_id: str) -> Path:
    return home / "demo" / f"share-{video_id}"


def _wait_until_counted(client: ApiClient, path: str, wanted: Mapping[str, int]) -> None:
    deadline = time.monotonic() + COUNTED_WITHIN_S
    while True:
        video = checked(client.request("GET", path))
        if all(video[name] == count for name, count in wanted.items()):
            return
        if time.monotonic() > deadline:
            raise StageError(f"the counters of {path} are {video} after {COUNTED_WITHIN_S:.0f} s")
        time.sleep(0.2)
