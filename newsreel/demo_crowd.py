"""The demo's people, who use the API as anybody would: they sign up, and watch, like, comment on and share a video."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from newsreel.api_client import ApiClient, checked
from newsreel.credentials import set_password
from schemas.errors import LogInError, StageError
from stores.private_files import kept

UPLOADER = "demo"
WATCHERS = ("ada", "grace", "linus")
REACTIONS = ("like", "like", "dislike")
COMMENTS = ("The butterfly is the best part.", "More of the rabbit, please.")
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


def react(api_url: str, home: Path, video_id: str, say: Say) -> None:
    """Let the watchers do what people do with a video, once: who has commented already has done it all."""
    path = f"/v1/videos/{video_id}"
    people = [person(api_url, home, name) for name in WATCHERS]
    duration_s = checked(people[0].request("GET", path))["duration_s"]
    said = checked(people[0].request("GET", f"{path}/comments"))["items"]
    if len(said) >= len(COMMENTS):
        return
    for watcher, kind in zip(people, REACTIONS, strict=True):
        view = {"session_id": "demo", "watched_s": duration_s}
        checked(watcher.request("POST", f"{path}/views", json=view))
        checked(watcher.request("PUT", f"{path}/reaction", json={"kind": kind}))
    for watcher, text in zip(people, COMMENTS, strict=False):
        key = {"Idempotency-Key": f"demo-{video_id}"}
        checked(watcher.request("POST", f"{path}/comments", json={"text": text}, headers=key))
    say(f"{', '.join(WATCHERS)} watched it, liked or disliked it, and commented")
    _wait_until_counted(people[0], path)


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


def _wait_until_counted(client: ApiClient, path: str) -> None:
    deadline = time.monotonic() + COUNTED_WITHIN_S
    wanted = (REACTIONS.count("like"), REACTIONS.count("dislike"), len(WATCHERS))
    while True:
        video = checked(client.request("GET", path))
        if (video["likes"], video["dislikes"], video["views"]) == wanted:
            return
        if time.monotonic() > deadline:
            raise StageError(f"the counters of {path} are {video} after {COUNTED_WITHIN_S:.0f} s")
        time.sleep(0.2)
