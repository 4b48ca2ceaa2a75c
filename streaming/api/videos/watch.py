"""`/watch/{video_id}`: a plain page that plays a public video."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from schemas.errors import DependencyError, LogInError, NotFoundError
from streaming.accounts.caller import NOBODY
from streaming.api.videos.videos import permitted
from streaming.serving.problems import RETRY_AFTER_S

log = logging.getLogger(__name__)

# Titles are text that somebody typed: everything is escaped.
pages = Environment(loader=PackageLoader("streaming.api"), autoescape=True, undefined=StrictUndefined)


async def show(request: Request) -> HTMLResponse:
    """The page: 200 for a public video; 404 for any other and for none; 503 without PostgreSQL.

    A browser that opens a page sends no access token, so it shows what anybody may see.
    """
    try:
        video = await permitted(request, NOBODY, request.path_params["video_id"], "read")
    except DependencyError as error:
        return unavailable(request, error)
    except (NotFoundError, LogInError):
        return message(404, "No such video", "The address may be mistyped, or the video is not public.")
    page = pages.get_template("watch.html")
    return HTMLResponse(page.render(video={**video.row, **video.links(None)._asdict()}))


def message(status: int, heading: str, says: str, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """A page that says something instead of playing."""
    page = pages.get_template("message.html")
    return HTMLResponse(page.render(heading=heading, says=says), status, headers)


def unavailable(request: Request, error: DependencyError) -> HTMLResponse:
    """The page for when a server that is needed is away."""
    log.error("%s: %s", request.url.path, error.detail)
    again = {"Retry-After": str(RETRY_AFTER_S)}
    return message(
        HTTPStatus.SERVICE_UNAVAILABLE, "Not available at the moment", "Please try again shortly.", again
    )
