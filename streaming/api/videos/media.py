"""`/media`: files of published packages, and thumbnails; immutable, so clients may cache them.

Plain URLs serve the media of public videos to anyone; `/media/signed/{token}` serves the same files to holders of an
unexpired link (streaming/api/videos/media_links.py).
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
from streaming.api.videos.media_access import get_media_access
from streaming.api.videos.media_links import verify_grant
from streaming.serving.conditional import matches_etag
from streaming.serving.database import Row

IMMUTABLE = "public, max-age=31536000, immutable"
"""RFC 8246: one year, without revalidation even on reload."""

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
"""Folders and file, as the packager names them; none starts with a dot: no parent folders, no hidden files."""

# One text each, whether it is missing or hidden; none repeats what a client guessed.
_NO_PACKAGE = "No public video has this package."
_NO_THUMBNAIL = "No public video has this thumbnail."
_NO_FILE = "No such file in this package."

any_origin = Middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["GET", "HEAD"],
    allow_headers=["Range", "If-Range", "If-None-Match"],
    expose_headers=["Content-Length", "Content-Range", "ETag"],
)
"""Players on other origins may read media (Fetch standard, CORS)."""


async def serve_package_file(request: Request) -> Response:
    """Serve a file of a package, whole or in ranges (RFC 9110, section 14)."""
    digest = request.path_params["digest"]
    if not await (await get_media_access(request)).is_public_package(digest):
        raise NotFoundError(_NO_PACKAGE)
    return await to_thread.run_sync(_send_package_file, request, IMMUTABLE)


async def serve_thumbnail(request: Request) -> Response:
    """Serve a thumbnail, named by its digest."""
    name = request.path_params["name"]
    _find_thumbnail(name)  # before the query: guessed names cost PostgreSQL nothing
    if not await (await get_media_access(request)).is_public_thumbnail(name):
        raise NotFoundError(_NO_THUMBNAIL)
    return await to_thread.run_sync(_send_thumbnail, request, IMMUTABLE)


async def serve_signed_package_file(request: Request) -> Response:
    """Serve it to the holder of a link. 403: invalid, expired, or for another package; 404: access was revoked."""
    row, cache_control = await _verify_link(request)
    if row["package"] != request.path_params["digest"]:
        raise ForbiddenError("This link is for another package.")
    return await to_thread.run_sync(_send_package_file, request, cache_control)


async def serve_signed_thumbnail(request: Request) -> Response:
    """Serve it to the holder of a link; statuses as of `serve_signed_package_file`."""
    row, cache_control = await _verify_link(request)
    if row["thumbnail_url"] != f"/media/thumbnails/{request.path_params['name']}":
        raise ForbiddenError("This link is for another thumbnail.")
    return await to_thread.run_sync(_send_thumbnail, request, cache_control)


async def _verify_link(request: Request) -> tuple[Row, str]:
    """The row of a link's video, and the Cache-Control of its media."""
    now_s = time.time()
    grant, expires_s = verify_grant(request.path_params["token"], now_s)
    row = await (await get_media_access(request)).read_granted(grant)
    return row, f"private, max-age={int(expires_s - now_s)}"


def _send_package_file(request: Request, cache_control: str) -> Response:
    digest, name = request.path_params["digest"], request.path_params["name"]
    if not NAME_IN_PACKAGE.fullmatch(name):
        raise NotFoundError(_NO_FILE)
    folder = _find_package(digest)
    file = (folder / name).resolve()
    if not file.is_relative_to(folder):
        raise NotFoundError(_NO_FILE)
    # The digest covers all names and contents, so digest and name identify these bytes.
    return _send_immutable(request, file, cache_control, etag=f'"{digest}/{name}"')


def _send_thumbnail(request: Request, cache_control: str) -> Response:
    name = request.path_params["name"]
    return _send_immutable(request, _find_thumbnail(name), cache_control, etag=f'"{name}"')


def _find_package(digest: str) -> Path:
    """The folder of a package. Raises NotFoundError, without the store's path, which its own error names."""
    try:
        return media().package_path(digest).resolve()
    except NotFoundError as error:
        raise NotFoundError(_NO_PACKAGE) from error


def _find_thumbnail(name: str) -> Path:
    """The file of a thumbnail. Raises NotFoundError, as `_find_package`."""
    try:
        return media().thumbnail_path(name)
    except NotFoundError as error:
        raise NotFoundError(_NO_THUMBNAIL) from error


def _send_immutable(request: Request, file: Path, cache_control: str, etag: str) -> Response:
    if not file.is_file():
        raise NotFoundError(_NO_FILE)
    headers = {"ETag": etag, "Cache-Control": cache_control, "Cross-Origin-Resource-Policy": "cross-origin"}
    if matches_etag(request, etag):
        return Response(status_code=304, headers=headers)
    media_type = CONTENT_TYPES.get(PurePosixPath(file.name).suffix, "application/octet-stream")
    return FileResponse(file, headers=headers, media_type=media_type, stat_result=file.stat())


routes = [
    Route("/packages/{digest}/{name:path}", serve_package_file, name="package"),
    Route("/thumbnails/{name}", serve_thumbnail, name="thumbnail"),
    Route("/signed/{token}/packages/{digest}/{name:path}", serve_signed_package_file, name="signed package"),
    Route("/signed/{token}/thumbnails/{name}", serve_signed_thumbnail, name="signed thumbnail"),
]
