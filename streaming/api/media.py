"""`/media`: files of published packages, and thumbnails. They never change, so they may be kept forever."""

from __future__ import annotations

import re
import time
from pathlib import Path, PurePosixPath

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from schemas.errors import NotFoundError
from stores.media import DIGEST, THUMBNAIL, media
from streaming.api.conditional import not_modified
from streaming.api.media_links import check_token
from streaming.api.published import Column, PublishedMedia

IMMUTABLE = "public, max-age=31536000, immutable"
"""RFC 8246: one year, and not even a reload asks again."""

CONTENT_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",  # RFC 8216, section 10
    ".mpd": "application/dash+xml",  # ISO/IEC 23009-1, annex C
    ".m4s": "video/iso.segment",  # ISO/IEC 23009-1, annex C
    ".mp4": "video/mp4",
    ".m4a": "audio/mp4",
    ".vtt": "text/vtt",
    ".jpg": "image/jpeg",
}

NAME_IN_PACKAGE = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/){0,4}[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""Folders and file, as the packager names them; none starts with a dot, so none leads up or to a hidden file."""

any_origin = Middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["GET", "HEAD"],
    allow_headers=["Range", "If-Range", "If-None-Match"],
    expose_headers=["Content-Length", "Content-Range", "ETag"],
)
"""Players on other pages may read media (Fetch standard, CORS)."""


async def package_file(request: Request) -> Response:
    """A file of the package that `digest` names, whole or in ranges (RFC 9110, section 14)."""
    digest, name = request.path_params["digest"], request.path_params["name"]
    if not NAME_IN_PACKAGE.fullmatch(name) or not DIGEST.fullmatch(digest):
        raise NotFoundError(f"no file {name!r} in package {digest}")
    lasts_s = await _allowed(request, "package", digest, f"packages/{digest}")
    return await run_in_threadpool(_package_file, request, digest, name, lasts_s)


def _package_file(request: Request, digest: str, name: str, lasts_s: int | None) -> Response:
    folder = media().package_path(digest).resolve()
    file = (folder / name).resolve()
    if not file.is_relative_to(folder):
        raise NotFoundError(f"{name!r} leads out of package {digest}")
    # The digest is of all names and contents, so with the name it stands for these very bytes.
    return _immutable_file(request, file, f'"{digest}/{name}"', lasts_s)


async def thumbnail(request: Request) -> Response:
    """A still picture, named by its own digest."""
    name = request.path_params["name"]
    if not THUMBNAIL.fullmatch(name):
        raise NotFoundError(f"no thumbnail {name!r}")
    lasts_s = await _allowed(request, "thumbnail_url", f"/media/thumbnails/{name}", f"thumbnails/{name}")
    return await run_in_threadpool(_thumbnail, request, name, lasts_s)


def _thumbnail(request: Request, name: str, lasts_s: int | None) -> Response:
    return _immutable_file(request, media().thumbnail_path(name), f'"{name}"', lasts_s)


async def _allowed(request: Request, column: Column, value: str, what: str) -> int | None:
    """Pass what a public video shows, or a token of ours opens; how long it may be kept, None for ever.

    Raises NotFoundError; answers 403 for a token that is not good.
    """
    token = request.path_params.get("token")
    lasts_s = None if token is None else check_token(token, what) - int(time.time())
    published: PublishedMedia = request.app.state.published
    found = await published.of(column, value)
    if not (found.public if token is None else found.ready):
        raise NotFoundError(f"{what} is not published")
    return lasts_s


def _immutable_file(request: Request, file: Path, etag: str, lasts_s: int | None) -> Response:
    if not file.is_file():
        raise NotFoundError(f"no file {file}")
    # What a token opens is for who has it: no shared cache may pass it on (RFC 9111, section 5.2.2.7).
    kept = IMMUTABLE if lasts_s is None else f"private, max-age={max(0, lasts_s)}, immutable"
    headers = {"ETag": etag, "Cache-Control": kept, "Cross-Origin-Resource-Policy": "cross-origin"}
    if not_modified(request, etag):
        return Response(status_code=304, headers=headers)
    media_type = CONTENT_TYPES.get(PurePosixPath(file.name).suffix, "application/octet-stream")
    return FileResponse(file, headers=headers, media_type=media_type, stat_result=file.stat())


routes = [
    Route("/packages/{digest}/{name:path}", package_file, name="package"),
    Route("/thumbnails/{name}", thumbnail, name="thumbnail"),
    Route("/signed/{token}/packages/{digest}/{name:path}", package_file, name="signed-package"),
    Route("/signed/{token}/thumbnails/{name}", thumbnail, name="signed-thumbnail"),
]
