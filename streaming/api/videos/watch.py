"""`/watch/{video_id}`: page that plays a public video."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from schemas.errors import DependencyError, LogInError, NotFoundError
from streaming.accounts.caller import ANONYMOUS
from streaming.api.videos.catalog import get_catalog
from streaming.serving.problems import RETRY_AFTER_S

log = logging.getLogger(__name__)

# Titles are user input: everything is escaped.
pages = Environment(loader=PackageLoader("streaming.api"), autoescape=True, undefined=StrictUndefined)


async def show(request: Request) -> HTMLResponse:
    """The page: 200 for a public video; 404 for any other or none; 503 without PostgreSQL.

    A browser that opens a page sends no access token, so the caller is anonymous.
    """
    try:
        catalog = await get_catalog(request)
        video = await catalog.authorize(ANONYMOUS, request.path_params["video_id"], "read")
    except DependencyError as error:
        return render_unavailable(request, error)
    except (NotFoundError, LogInError):
        return render_message(404, "No such video", "The URL is mistyped, or the video is not public.")
    page = pages.get_template("watch.html")
    return HTMLResponse(page.render(video={**video.row, **video.build_links(None)._asdict()}))


def render_message(
    status: int, heading: str, text: str, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """A page with a message."""
    page = pages.get_template("message.html")
    return HTMLResponse(page.render(heading=heading, text=text), status, headers)


def render_unavailable(request: Request, error: DependencyError) -> HTMLResponse:
    """The 503 page for a required server that is unavailable."""
    log.error("%s: %s", request.url.path, error.detail)
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return render_message(
        HTTPStatus.SERVICE_UNAVAILABLE, "Temporarily unavailable", "Please try again shortly.", headers
    )
