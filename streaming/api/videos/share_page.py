"""`/s/{token}`: the page behind a share link, with what other sites show of it (Open Graph)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse

from schemas.errors import DependencyError, ForbiddenError
from streaming.api.videos.media_access import may
from streaming.api.videos.media_links import Grant, Playback, signed_links
from streaming.api.videos.shares import PURPOSE, origin
from streaming.api.videos.videos import COLUMNS
from streaming.api.videos.watch import message, pages, unavailable
from streaming.serving.database import Database, Row
from streaming.serving.signed_tokens import opened

NOT_KEPT = {"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex"}


@dataclass(frozen=True)
class SharedVideo:
    """What the page shows; links are absolute where other sites read them."""

    title: str
    description: str | None
    thumbnail_url: str | None
    playback: Playback
    page_url: str
    origin: str


async def show(request: Request) -> HTMLResponse:
    """The page; 403 altered, 410 expired, 404 taken back, or not to be seen by who shared it any more."""
    try:
        seal = opened(PURPOSE, request.path_params["token"])
    except ForbiddenError:
        return message(403, "This link was altered", "Ask whoever shared it for the whole link.", NOT_KEPT)
    if seal.expires_s <= time.time():
        return message(410, "This link has expired", "Ask whoever shared it for another one.", NOT_KEPT)
    try:
        row = await _shared(request, seal.text)
    except DependencyError as error:
        return unavailable(request, error)
    if row is None or not may(row, row["sharer_id"], "share"):
        return _gone()
    grant = Grant("share", seal.text, row["video_id"])
    links = signed_links(row, grant, time.time(), until_s=seal.expires_s)
    if links.playback is None:
        return _gone()
    shared = SharedVideo(
        title=row["title"],
        description=row["description"],
        thumbnail_url=links.thumbnail_url,
        playback=links.playback,
        page_url=f"{origin(request)}{request.url.path}",
        origin=origin(request),
    )
    return HTMLResponse(pages.get_template("share.html").render(video=shared), headers=NOT_KEPT)


async def _shared(request: Request, share_id: str) -> Row | None:
    """The video that a link shows, with `sharer_id`; None where the link was taken back."""
    database: Database = request.app.state.database
    return await database.one(
        f"""SELECT {COLUMNS}, sharer_id FROM videos JOIN (
              SELECT video_id, user_id AS sharer_id FROM shares WHERE share_id = %s AND expires > now()
            ) AS share USING (video_id)""",
        (share_id,),
    )


def _gone() -> HTMLResponse:
    return message(
        HTTPStatus.NOT_FOUND,
        "This link does not work any more",
        "It was taken back, or the video is not there to be seen.",
        NOT_KEPT,
    )
