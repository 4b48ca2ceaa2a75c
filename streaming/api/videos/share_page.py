"""`/s/{token}`: page of a share link, with Open Graph metadata for previews on other sites.

Tests: tests/streaming/api/videos/test_shares.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse

from schemas.errors import DependencyError, ForbiddenError
from streaming.api.videos.catalog import COLUMNS
from streaming.api.videos.media_access import is_permitted
from streaming.api.videos.media_links import Grant, Playback, build_signed_links
from streaming.api.videos.shares import PURPOSE, find_origin
from streaming.api.videos.watch import pages, render_message, render_unavailable
from streaming.serving.database import Database, Row, get_database
from streaming.serving.signed_tokens import verify

NO_STORE = {"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex"}


@dataclass(frozen=True)
class SharedVideo:
    """Variables of the template; `origin` makes links absolute for other sites."""

    title: str
    description: str | None
    thumbnail_url: str | None
    playback: Playback
    page_url: str
    origin: str


async def show(request: Request) -> HTMLResponse:
    """The page; 403 altered, 410 expired, 404 revoked, or no longer visible to the user who shared it."""
    try:
        share = verify(PURPOSE, request.path_params["token"])
    except ForbiddenError:
        return render_message(
            403,
            "Invalid link",
            "It is incomplete or was altered. Ask the sender for the complete link.",
            NO_STORE,
        )
    if share.expires_s <= time.time():
        return render_message(410, "This link has expired", "Ask the sender for another one.", NO_STORE)
    try:
        row = await _read_shared(await get_database(request), share.text)
    except DependencyError as error:
        return render_unavailable(request, error)
    if row is None or not is_permitted(row, row["sharer_id"], "share"):
        return _render_revoked()
    grant = Grant("share", share.text, row["video_id"])
    links = build_signed_links(row, grant, time.time(), until_s=share.expires_s)
    if links.playback is None:
        return _render_revoked()
    video = SharedVideo(
        title=row["title"],
        description=row["description"],
        thumbnail_url=links.thumbnail_url,
        playback=links.playback,
        page_url=f"{find_origin()}{request.url.path}",
        origin=find_origin(),
    )
    return HTMLResponse(pages.get_template("share.html").render(video=video), headers=NO_STORE)


async def _read_shared(database: Database, share_id: str) -> Row | None:
    """The row of a share's video, with `sharer_id`; None if the share was revoked."""
    return await database.one(
        f"""SELECT {COLUMNS}, sharer_id FROM videos JOIN (
              SELECT video_id, user_id AS sharer_id FROM shares WHERE share_id = %s AND expires > now()
            ) AS share USING (video_id)""",
        (share_id,),
    )


def _render_revoked() -> HTMLResponse:
    return render_message(
        HTTPStatus.NOT_FOUND,
        "This link is no longer valid",
        "It was revoked, or the video is no longer available.",
        NO_STORE,
    )
