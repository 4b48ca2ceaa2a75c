"""Representation of a video (RFC 9110, section 3.2): its JSON with an ETag, the same for every caller if it is public.

Tests: tests/streaming/api/videos/test_videos.py.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

import orjson
from pydantic import BaseModel

from streaming.api.videos.media_links import Grant, Links, build_public_links, build_signed_links
from streaming.serving.database import Row


class Representation(NamedTuple):
    """Body and ETag as sent."""

    body: bytes
    etag: str


class Playback(BaseModel):
    """URLs of the manifests."""

    hls: str
    dash: str


class VideoAnswer(BaseModel):
    """A video."""

    video_id: str
    title: str
    description: str | None
    size_bytes: int | None
    thumbnail_url: str | None
    uploader_id: str
    likes: int
    dislikes: int
    views: int
    status: str
    reasons: list[str]
    visibility: str
    sha256: str | None
    duration_s: float | None
    created: datetime
    playback: Playback | None


@dataclass(frozen=True)
class Video:
    """A video's row, and its state in the table of permissions."""

    row: Row
    state: str

    @property
    def uploader_id(self) -> str:
        """The account that uploaded it."""
        return str(self.row["uploader_id"])

    @property
    def is_public(self) -> bool:
        """Whether anyone may see it."""
        return self.state == "public"

    def build_links(self, user_id: str | None) -> Links:
        """Links to its media for an account: plain if it is public, otherwise signed for this account."""
        if self.is_public or user_id is None:
            return build_public_links(self.row)
        return build_signed_links(self.row, Grant("user", user_id, self.row["video_id"]), time.time())

    def represent(self, user_id: str | None) -> Representation:
        """The representation for an account; that of a public video is built once."""
        return self._public if self.is_public else _represent(self.row, self.build_links(user_id))

    @cached_property
    def _public(self) -> Representation:
        return _represent(self.row, build_public_links(self.row))


def _represent(row: Row, links: Links) -> Representation:
    body = orjson.dumps(
        {
            **{name: row[name] for name in _COPIED},
            "thumbnail_url": links.thumbnail_url,
            "playback": links.playback._asdict() if links.playback else None,
        },
        option=orjson.OPT_UTC_Z,
    )
    return Representation(body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"')


_COPIED = [name for name in VideoAnswer.model_fields if name not in ("thumbnail_url", "playback")]
