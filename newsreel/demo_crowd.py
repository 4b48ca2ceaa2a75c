"""The demo's people, who use the API as anybody would: they sign up, and watch, like, comment on and share a video."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from schemas.errors import StageError
from stores.postgres import connect
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


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in; `http` sends their token."""

    user_name: str
    http: httpx.Client


def person(api_url: str, home: Path, user_name: str) -> Person:
    """Log somebody in who signs up first where there is no such account; all share a password that lies under HOME."""
    password = kept(home / "keys" / "demo_password", lambda: secrets.token_urlsafe(16))
    login = {"user_name": user_name, "password": password}
    http = httpx.Client(base_url=api_url, timeout=_TIMEOUT_S, trust_env=False)
    if http.post("/v1/users", json=login).status_code == httpx.codes.CONFLICT:
        _let_in(user_name, password)
    http.headers["Authorization"] = (
        f"Bearer {_checked(http.post('/v1/sessions', json=login))['access_token']}"
    )
    return Person(user_name, http)


def _let_in(user_name: str, password: str) -> None:
    """Give an account of this HOME the demo's password, where `newsreel ingest` has made it without one."""
    from streaming.api.passwords import Passwords

    password_hash = asyncio.run(Passwords().hash(password))
    with connect() as connection:
        connection.execute(
            """INSERT INTO credentials (user_id, password_hash)
               SELECT user_id, %s FROM users WHERE user_name = %s ON CONFLICT DO NOTHING""",
            (password_hash, user_name),
        )


def react(api_url: str, home: Path, video_id: str, duration_s: float, say: Say) -> None:
    """Let the watchers do what people do with a video, once: who has commented already has done it all."""
    path = f"/v1/videos/{video_id}"
    people = [person(api_url, home, name) for name in WATCHERS]
    said = _checked(people[0].http.get(f"{path}/comments"))["items"]
    if len(said) >= len(COMMENTS):
        return
    for watcher, kind in zip(people, REACTIONS, strict=True):
        view = {"session_id": f"demo-{watcher.user_name}", "watched_s": duration_s}
        _checked(watcher.http.post(f"{path}/views", json=view))
        _checked(watcher.http.put(f"{path}/reaction", json={"kind": kind}))
    for watcher, text in zip(people, COMMENTS, strict=False):
        key = {"Idempotency-Key": f"demo-{video_id}"}
        _checked(watcher.http.post(f"{path}/comments", json={"text": text}, headers=key))
    say(f"{', '.join(WATCHERS)} watched it, liked or disliked it, and commented")
    _wait_until_counted(people[0].http, path)


def share(uploader: Person, video_id: str) -> str:
    """A link that works for a week, for whoever has it."""
    answer = uploader.http.post(f"/v1/videos/{video_id}/shares", json={"expires_in_s": SHARE_FOR_S})
    return str(_checked(answer)["url"])


def _wait_until_counted(http: httpx.Client, path: str) -> None:
    deadline = time.monotonic() + COUNTED_WITHIN_S
    wanted = (REACTIONS.count("like"), REACTIONS.count("dislike"), len(WATCHERS))
    while True:
        video = _checked(http.get(path))
        if (video["likes"], video["dislikes"], video["views"]) == wanted:
            return
        if time.monotonic() > deadline:
            raise StageError(f"the counters of {path} are {video} after {COUNTED_WITHIN_S:.0f} s")
        time.sleep(0.2)


def _checked(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise StageError(
            f"{answer.request.method} {answer.request.url.path} was answered {answer.status_code}: {answer.text[:300]}"
        )
    return answer.json() if answer.content else None
