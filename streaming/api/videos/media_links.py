"""Where a video's media are served: plainly while anyone may see it, otherwise under a signed, expiring token.

The token is a segment of the path before all that the manifests' relative URLs change, so a player keeps it; an edge
that checks it can leave it out of its cache key (docs/media.md).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from schemas.errors import ForbiddenError
from streaming.serving.database import Row
from streaming.serving.signed_tokens import opened, sealed

PURPOSE = "media"
LIFE_S, STEP_S = 6 * 3_600, 3_600
"""Links end after 6 h at most. They end on the hour, so that who asks again gets the same one, and 304."""


class Grant(NamedTuple):
    """By what right somebody reads a video's media: as a user, or by a share."""

    kind: Literal["user", "share"]
    holder_id: str
    video_id: str


class Playback(NamedTuple):
    """Where players find a video: its manifests."""

    hls: str
    dash: str


class Links(NamedTuple):
    """What a page or an answer shows of a video's media."""

    thumbnail_url: str | None
    playback: Playback | None


def public_links(row: Row) -> Links:
    """Links for anyone, of a public video."""
    return _links(row, "/media")


def signed_links(row: Row, grant: Grant, now_s: float, until_s: float | None = None) -> Links:
    """Links for a holder of a grant, good for 5 to 6 h, but not after `until_s`."""
    expires_s = (now_s + LIFE_S) // STEP_S * STEP_S
    if until_s is not None:
        expires_s = min(expires_s, until_s)
    return _links(row, f"/media/signed/{sealed(PURPOSE, '/'.join(grant), expires_s)}")


def opened_grant(token: str, now_s: float) -> tuple[Grant, float]:
    """The grant of a link, and when it ends. Raises ForbiddenError for an altered or expired one."""
    seal = opened(PURPOSE, token)
    if seal.expires_s <= now_s:
        raise ForbiddenError("this link has expired; ask for the video again to get another one")
    kind, holder_id, video_id = seal.text.split("/")
    return Grant("share" if kind == "share" else "user", holder_id, video_id), seal.expires_s


def _links(row: Row, root: str) -> Links:
    ready = row["status"] == "ready"
    thumbnail: str | None = row["thumbnail_url"]
    # An imported row may name a picture of somebody else's server.
    if thumbnail is not None and thumbnail.startswith("/media/"):
        thumbnail = root + thumbnail.removeprefix("/media") if ready else None
    if not ready or row["package"] is None:
        return Links(thumbnail, None)
    folder = f"{root}/packages/{row['package']}"
    return Links(thumbnail, Playback(f"{folder}/master.m3u8", f"{folder}/manifest.mpd"))
