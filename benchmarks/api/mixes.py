"""Mixes of requests to the API: reads and writes in the proportions of a usual day, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from benchmarks.api.load import build_request
from benchmarks.api.people import Person, insert_ready_videos, sign_up
from benchmarks.api.servers import Servers

VIDEOS, PEOPLE, COMMENTS = 100, 40, 30


class Mix:
    """Generator of requests by some people about some videos."""

    def __init__(self, people: Sequence[Person], videos: Sequence[str], seed: int) -> None:
        self._people, self._videos = people, videos
        self._dice = random.Random(seed)  # noqa: S311 - a seeded bench

    def read_video(self) -> bytes:
        """Request for a video; half of them are authenticated."""
        who = self._dice.choice(self._people).token if self._dice.random() < 0.5 else None
        return build_request("GET", f"/v1/videos/{self._dice.choice(self._videos)}", token=who)

    def read(self) -> bytes:
        """Request for a video, a page of comments or the caller's account."""
        draw = self._dice.random()
        if draw < 0.7:
            return self.read_video()
        if draw < 0.9:
            return build_request("GET", f"/v1/videos/{self._dice.choice(self._videos)}/comments")
        own = self._dice.choice(self._people)
        return build_request("GET", f"/v1/users/{own.user_id}", token=own.token)

    def write(self) -> bytes:
        """Request that writes a reaction, comment, view or follow, each a transaction with its event."""
        dice = self._dice
        who, draw = dice.choice(self._people), dice.random()
        path = f"/v1/videos/{dice.choice(self._videos)}"
        if draw < 0.4:
            body = {"kind": dice.choice(("like", "dislike"))}
            return build_request("PUT", f"{path}/reaction", token=who.token, body=body)
        if draw < 0.7:
            return build_request("POST", f"{path}/comments", token=who.token, body={"text": "c" * 80})
        if draw < 0.9:
            view = {"session_id": f"s{dice.randrange(10**9)}", "watched_s": 5}
            return build_request("POST", f"{path}/views", token=who.token, body=view)
        other = dice.choice([one for one in self._people if one is not who])
        return build_request("PUT", f"/v1/follows/{other.user_id}", token=who.token)


async def prepare_mix(
    servers: Servers, prefix: str, seed: int, *, videos: int = VIDEOS, comments: int = 0
) -> Mix:
    """Sign people up and insert videos with `comments` comments each; returns their mix."""
    made = insert_ready_videos(servers, videos, prefix)
    people = await sign_up(servers, PEOPLE, prefix)
    if comments:
        with servers.connect() as connection:
            connection.execute(
                """INSERT INTO comments (comment_id, video_id, user_id, text, creation_time)
                   SELECT gen_random_uuid()::text, video_id, %s, repeat('c', 80), now() - n * interval '1 min'
                   FROM videos, generate_series(1, %s) n WHERE video_id = ANY(%s)""",
                (people[0].user_id, comments, made),
            )
    return Mix(people, made, seed)
