"""`/watch/{video_id}`: a plain page that plays a video, or says why it cannot."""

from __future__ import annotations

import logging

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from schemas.errors import DependencyError
from streaming.api.problems import RETRY_AFTER_S
from streaming.api.videos import Video, Videos

log = logging.getLogger(__name__)

STATUS_SENTENCES = {
    "uploading": "This video is still being uploaded.",
    "inspecting": "This video is being inspected.",
    "encoding": "This video is being encoded.",
    "ready": "This video is ready, but its package is missing.",
    "rejected": "This video was rejected.",
    "duplicate": "This video repeats another one as a whole.",
    "failed": "This video could not be processed.",
    "removed": "This video was taken down.",
}
"""For each status what a person reads where there is nothing to play."""

# Titles and reasons are text that somebody typed: everything is escaped.
pages = Environment(loader=PackageLoader("streaming.api"), autoescape=True, undefined=StrictUndefined)


async def show(request: Request) -> HTMLResponse:
    """The page: 200 for a known video, also one that is not ready; 404 otherwise; 503 without PostgreSQL."""
    videos: Videos = request.app.state.videos
    try:
        video = await videos.find(request.path_params["video_id"])
    except DependencyError as error:
        log.error("%s: %s", request.url.path, error.detail)
        return _message(503, "Not available at the moment", "Please try again shortly.")
    if video is None:
        return _message(404, "No such video", "The address may be mistyped, or the video is not public.")
    return _video(video)


def _video(video: Video) -> HTMLResponse:
    page = pages.get_template("watch.html")
    return HTMLResponse(page.render(video=video, says=STATUS_SENTENCES[video.status]))


def _message(status: int, heading: str, says: str) -> HTMLResponse:
    page = pages.get_template("message.html")
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else None
    return HTMLResponse(page.render(heading=heading, says=says), status, headers)
