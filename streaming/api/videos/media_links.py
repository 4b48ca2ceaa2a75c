"""Links to a video's media: plain if anyone may see it, otherwise with a signed, expiring token.

The token is a path segment in front of the part that relative URLs in manifests replace, so players keep it; an edge
cache that checks it can leave it out of the cache key (docs/media.md).
Tests: tests/streaming/api/videos/test_media.py.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from schemas.errors import ForbiddenError
from streaming.serving.database import Row
from streaming.serving.signed_tokens import sign, verify

PURPOSE = "media"
LIFETIME_S, STEP_S = 6 * 3_600, 3_600
"""Links expire after 6 h at most, on the hour, so that repeated requests get the same link, and 304."""


class Grant(NamedTuple):
    """The right to read a video's media: as a user, or by a share."""

    kind: Literal["user", "share"]
    holder_id: str
    video_id: str


class Playback(NamedTuple):
    """URLs of the manifests."""

    hls: str
    dash: str


class Links(NamedTuple):
    """URLs of a video's media, for pages and responses."""

    thumbnail_url: str | None
    playback: Playback | None


def build_public_links(row: Row) -> Links:
    """Links of a public video, for anyone."""
    return _build_links(row, "/media")


def build_signed_links(row: Row, grant: Grant, now_s: float, until_s: float | None = None) -> Links:
    """Links for the holder of a grant, valid for 5 to 6 h, but not after `until_s`."""
    expires_s = (now_s + LIFETIME_S) // STEP_S * STEP_S
    if until_s is not None:
        expires_s = min(expires_s, until_s)
    return _build_links(row, f"/media/signed/{sign(PURPOSE, '/'.join(grant), expires_s)}")


def verify_grant(token: str, now_s: float) -> tuple[Grant, float]:
    """The grant of a link, and its expiry as Unix time. Raises ForbiddenError if altered or expired."""
    signed = verify(PURPOSE, token)
    if signed.expires_s <= now_s:
        raise ForbiddenError("This link has expired; request the video again for another one.")
    kind, holder_id, video_id = signed.text.split("/")
    return Grant("share" if kind == "share" else "user", holder_id, video_id), signed.expires_s


def _build_links(row: Row, root: str) -> Links:
    ready = row["status"] == "ready"
    thumbnail: str | None = row["thumbnail_url"]
    # An imported row may link to a thumbnail on another server.
    if thumbnail is not None and thumbnail.startswith("/media/"):
        thumbnail = root + thumbnail.removeprefix("/media") if ready else None
    if not ready or row["package"] is None:
        return Links(thumbnail, None)
    folder = f"{root}/packages/{row['package']}"
    return Links(thumbnail, Playback(f"{folder}/master.m3u8", f"{folder}/manifest.mpd"))
