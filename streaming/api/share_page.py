"""`/s/{share_id}/{signature}`: the page behind a share link, with what other sites show of it (Open Graph)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from schemas.errors import DependencyError
from schemas.permissions import Verdict, verdict
from schemas.rows import IDENTIFIER
from streaming.api.authorization import relations, video_state
from streaming.api.caller import Caller
from streaming.api.database import Database, Row
from streaming.api.media_links import Playback, thumbnail
from streaming.api.shares import PURPOSE, origin
from streaming.api.signature import check
from streaming.api.videos import COLUMNS, Video
from streaming.api.watch import message, pages, unavailable

SAYS = {
    HTTPStatus.FORBIDDEN: ("This link was altered", "Ask whoever shared it for the whole link."),
    HTTPStatus.GONE: ("This link has expired", "Ask whoever shared it for another one."),
}
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
    share_id, signature = request.path_params["share_id"], request.path_params["signature"]
    try:
        expires_s = check(PURPOSE, share_id, signature, expired=HTTPStatus.GONE)
        row = await _shared(request, share_id)
    except HTTPException as error:
        status = HTTPStatus(error.status_code)
        return message(status, *SAYS[status], NOT_KEPT)
    except DependencyError as error:
        return unavailable(request, error)
    if row is None or row["expires"] <= datetime.now(UTC):
        return _gone()
    video = Video(row, video_state(row["status"], row["visibility"]))
    sharer = Caller(row["sharer_id"])
    if verdict("video", video.state, "share", relations(sharer, video.uploader_id)) is not Verdict.ALLOW:
        return _gone()
    playback = video.playback(until_s=expires_s)
    if playback is None:
        return _gone()
    shared = SharedVideo(
        title=row["title"],
        description=row["description"],
        thumbnail_url=thumbnail(row["thumbnail_url"], public=video.public, until_s=expires_s),
        playback=playback,
        page_url=f"{origin(request)}{request.url.path}",
        origin=origin(request),
    )
    return HTMLResponse(pages.get_template("share.html").render(video=shared), headers=NOT_KEPT)


async def _shared(request: Request, share_id: str) -> Row | None:
    if not IDENTIFIER.fullmatch(share_id):
        return None
    database: Database = request.app.state.database
    columns = ", ".join(f"v.{name.strip()}" for name in COLUMNS.split(","))
    return await database.one(
        f"""SELECT {columns}, s.user_id AS sharer_id, s.expires FROM shares s
            JOIN videos v USING (video_id) WHERE share_id = %s""",
        (share_id,),
    )


def _gone() -> HTMLResponse:
    return message(
        HTTPStatus.NOT_FOUND,
        "This link does not work any more",
        "It was taken back, or the video is not there to be seen.",
        NOT_KEPT,
    )
