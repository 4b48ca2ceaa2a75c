"""`/media`: files of published packages, and thumbnails. They never change, so they may be kept forever."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from schemas.errors import NotFoundError
from stores.media import media

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


def package_file(request: Request) -> Response:
    """A file of the package that `digest` names, whole or in ranges (RFC 9110, section 14)."""
    digest, name = request.path_params["digest"], request.path_params["name"]
    if not NAME_IN_PACKAGE.fullmatch(name):
        raise NotFoundError(f"no file {name!r} in package {digest}")
    folder = media().package_path(digest).resolve()
    file = (folder / name).resolve()
    if not file.is_relative_to(folder):
        raise NotFoundError(f"{name!r} leads out of package {digest}")
    # The digest is of all names and contents, so with the name it stands for these very bytes.
    return _immutable_file(request, file, etag=f'"{digest}/{name}"')


def thumbnail(request: Request) -> Response:
    """A still picture, named by its own digest."""
    name = request.path_params["name"]
    return _immutable_file(request, media().thumbnail_path(name), etag=f'"{name}"')


def _immutable_file(request: Request, file: Path, etag: str) -> Response:
    if not file.is_file():
        raise NotFoundError(f"no file {file}")
    headers = {"ETag": etag, "Cache-Control": IMMUTABLE, "Cross-Origin-Resource-Policy": "cross-origin"}
    if _holds(request.headers.get("If-None-Match"), etag):
        return Response(status_code=304, headers=headers)
    media_type = CONTENT_TYPES.get(PurePosixPath(file.name).suffix, "application/octet-stream")
    return FileResponse(file, headers=headers, media_type=media_type, stat_result=file.stat())


def _holds(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has it (RFC 9110, section 13.1.2: compared weakly)."""
    held = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in held or held == ["*"]


routes = [
    Route("/packages/{digest}/{name:path}", package_file, name="package"),
    Route("/thumbnails/{name}", thumbnail, name="thumbnail"),
]
