"""Links to media. Of a public video they are plain; of others they carry a token that expires, as a part of the path.

A token in the path reaches whatever a manifest names by a relative URL, and an edge cache leaves it out of its key:
`/media/signed/<token>/packages/…` is the same file as `/media/packages/…` (docs/api.md).
"""

from __future__ import annotations

import time
from http import HTTPStatus

from typing_extensions import TypedDict

from streaming.api.signature import check, sign

PURPOSE = "media"
LIFE_S = 6 * 3600
STEP_S = 600
"""Links that are made within this time are the same, so that answers that hold them can be cached."""
MEDIA = "/media/"


class Playback(TypedDict):
    """Where players find a video."""

    hls: str
    dash: str


def playback(package: str, *, public: bool, until_s: float | None = None) -> Playback:
    """The manifests of a package; signed where it is not public, until `until_s` at most."""
    folder = f"packages/{package}"
    prefix = MEDIA if public else signed_prefix(folder, until_s)
    return {"hls": f"{prefix}{folder}/master.m3u8", "dash": f"{prefix}{folder}/manifest.mpd"}


def thumbnail(url: str | None, *, public: bool, until_s: float | None = None) -> str | None:
    """A thumbnail's link, from the plain one that the row holds."""
    if url is None or public or not url.startswith(MEDIA):
        return url
    path = url.removeprefix(MEDIA)
    return f"{signed_prefix(path, until_s)}{path}"


def signed_prefix(what: str, until_s: float | None) -> str:
    """What stands before `what` in a link that expires: `/media/signed/<token>/`."""
    expires_s = (int(time.time()) // STEP_S + 1) * STEP_S + LIFE_S
    if until_s is not None:
        expires_s = min(expires_s, int(until_s))
    return f"{MEDIA}signed/{sign(PURPOSE, what, expires_s)}/"


def check_token(token: str, what: str) -> int:
    """Until when (Unix time) a token opens a package or thumbnail. Answers 403 where it does not."""
    return check(PURPOSE, what, token, expired=HTTPStatus.FORBIDDEN)
