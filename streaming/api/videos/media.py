"""`/media`: files of published packages, and thumbnails. They never change: who may have them may keep them.

Plain addresses serve what some public video shows, for ever and for everybody; under `/media/signed/{token}` the same
files are served to who has the link, until it ends (streaming/api/videos/media_links.py).
"""

from __future__ import annotations

import re
import time
from pathlib import Path, PurePosixPath

from anyio import to_thread
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from schemas.errors import ForbiddenError, NotFoundError
from stores.media import media
from streaming.api.videos.media_access import MediaAccess
from streaming.api.videos.media_links import opened_grant
from streaming.serving.conditional import not_modified
from streaming.serving.database import Row

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
    digest = request.path_params["digest"]
    if not await _access(request).public_package(digest):
        raise NotFoundError(f"no public video plays package {digest}")
    return await to_thread.run_sync(_package_file, request, IMMUTABLE)


async def thumbnail(request: Request) -> Response:
    """A still picture, named by its own digest."""
    name = request.path_params["name"]
    media().thumbnail_path(name)  # guessed names need not be asked for
    if not await _access(request).public_thumbnail(name):
        raise NotFoundError(f"no public video shows thumbnail {name}")
    return await to_thread.run_sync(_thumbnail, request, IMMUTABLE)


async def signed_package_file(request: Request) -> Response:
    """The same for who has a link. 403: altered, expired, or for another package; 404: it opens nothing any more."""
    row, kept = await _opened(request)
    if row["package"] != request.path_params["digest"]:
        raise ForbiddenError("this link is for another package")
    return await to_thread.run_sync(_package_file, request, kept)


async def signed_thumbnail(request: Request) -> Response:
    """The same for who has a link, as `signed_package_file` says."""
    row, kept = await _opened(request)
    if row["thumbnail_url"] != f"/media/thumbnails/{request.path_params['name']}":
        raise ForbiddenError("this link is for another picture")
    return await to_thread.run_sync(_thumbnail, request, kept)


def _access(request: Request) -> MediaAccess:
    found = request.app.state.media_access
    assert isinstance(found, MediaAccess)
    return found


async def _opened(request: Request) -> tuple[Row, str]:
    """The row of the video that a link opens, and for how long its media may be kept."""
    now_s = time.time()
    grant, expires_s = opened_grant(request.path_params["token"], now_s)
    row = await _access(request).granted(grant)
    return row, f"private, max-age={int(expires_s - now_s)}"


def _package_file(request: Request, kept: str) -> Response:
    digest, name = request.path_params["digest"], request.path_params["name"]
    if not NAME_IN_PACKAGE.fullmatch(name):
        raise NotFoundError(f"no file {name!r} in package {digest}")
    folder = media().package_path(digest).resolve()
    file = (folder / name).resolve()
    if not file.is_relative_to(folder):
        raise NotFoundError(f"{name!r} leads out of package {digest}")
    # The digest is of all names and contents, so with the name it stands for these very bytes.
    return _immutable_file(request, file, kept, etag=f'"{digest}/{name}"')


def _thumbnail(request: Request, kept: str) -> Response:
    name = request.path_params["name"]
    return _immutable_file(request, media().thumbnail_path(name), kept, etag=f'"{name}"')


def _immutable_file(request: Request, file: Path, kept: str, etag: str) -> Response:
    if not file.is_file():
        raise NotFoundError(f"no file {file}")
    headers = {"ETag": etag, "Cache-Control": kept, "Cross-Origin-Resource-Policy": "cross-origin"}
    if not_modified(request, etag):
        return Response(status_code=304, headers=headers)
    media_type = CONTENT_TYPES.get(PurePosixPath(file.name).suffix, "application/octet-stream")
    return FileResponse(file, headers=headers, media_type=media_type, stat_result=file.stat())


routes = [
    Route("/packages/{digest}/{name:path}", package_file, name="package"),
    Route("/thumbnails/{name}", thumbnail, name="thumbnail"),
    Route("/signed/{token}/packages/{digest}/{name:path}", signed_package_file, name="signed package"),
    Route("/signed/{token}/thumbnails/{name}", signed_thumbnail, name="signed thumbnail"),
]
