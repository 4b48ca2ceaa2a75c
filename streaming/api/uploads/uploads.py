"""`/v1/uploads`: resumable uploads, tus 1.0.0 (https://tus.io/protocols/resumable-upload)."""

from __future__ import annotations

from contextlib import suppress
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from streaming.accounts.authorization import relations, require
from streaming.accounts.caller import LoggedIn, Member
from streaming.api.uploads.fields import (
    ALGORITHMS,
    CHECKSUM_MISMATCH,
    EXTENSIONS,
    LONGEST_BYTES,
    VERSION,
    Metadata,
    read_bytes,
    read_checksum,
    read_length,
    read_metadata,
    written_metadata,
)
from streaming.api.uploads.file import BusyError, size_of
from streaming.api.uploads.rows import announce, end, existing_upload, file_of, keep_alive
from streaming.api.uploads.writer import complete, opened, take
from streaming.serving.database import Database, Row
from streaming.serving.openapi import ANYONE
from streaming.serving.plain_route import path_parameter

router = APIRouter(tags=["uploads"])

OFFSET_OCTETS = "application/offset+octet-stream"
SAYS: dict[int | str, dict[str, Any]] = {
    CHECKSUM_MISMATCH: {"description": "The bytes do not add up to Upload-Checksum; none of them was kept."},
    410: {"description": "It was deleted, or has expired."},
    412: {"description": "Tus-Resumable: 1.0.0 is needed."},
    423: {"description": "Somebody else writes it."},
    507: {"description": "The disk is full; what came is kept."},
}
_BYTES: dict[str, Any] = {"type": "integer", "minimum": 0}


def _header(name: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "schema": schema}


_RESUMABLE = _header("Tus-Resumable", {"type": "string", "enum": [VERSION]}, required=True)
_CHECKSUM = _header("Upload-Checksum", {"type": "string"})
_BODY = {"content": {OFFSET_OCTETS: {"schema": {"type": "string", "format": "binary"}}}}
_ID = path_parameter("upload_id")


@router.options("/v1/uploads", status_code=HTTPStatus.NO_CONTENT, openapi_extra=ANYONE)
async def capabilities() -> Response:
    """What this server can do."""
    return _answer(
        HTTPStatus.NO_CONTENT,
        {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(LONGEST_BYTES),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@router.post(
    "/v1/uploads",
    status_code=HTTPStatus.CREATED,
    response_class=Response,
    responses=SAYS,
    openapi_extra={
        "parameters": [
            _RESUMABLE,
            _header("Upload-Length", _BYTES, required=True),
            _header("Upload-Metadata", {"type": "string"}),
            _CHECKSUM,
        ],
        "requestBody": _BODY,
    },
)
async def create(request: Request, caller: LoggedIn) -> Response:
    """Announce a file; the body may hold its first bytes (creation-with-upload)."""
    _check_version(request)
    headers = request.headers
    if "Upload-Defer-Length" in headers:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "Upload-Length is needed: a length cannot come later.")
    size_bytes = read_length(headers.get("Upload-Length"))
    metadata, checksum = (
        read_metadata(headers.get("Upload-Metadata")),
        read_checksum(headers.get("Upload-Checksum")),
    )
    with_bytes = headers.get("Content-Type", "").partition(";")[0].strip() == OFFSET_OCTETS
    if not with_bytes and headers.get("Content-Length", "0") != "0":
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Bytes of the file are sent as Content-Type: {OFFSET_OCTETS}."
        )
    _check_fits(request, size_bytes)
    database: Database = request.app.state.database
    upload = await announce(database, caller.user_id, size_bytes, metadata)
    more = {"Location": f"/v1/uploads/{upload['upload_id']}", "Upload-Offset": "0"}
    if with_bytes or not size_bytes:
        async with opened(upload) as file:
            try:
                if with_bytes:
                    await take(request, database, upload, file, checksum)
            except HTTPException as error:
                # It is there all the same, and can be gone on with.
                error.headers = {**(error.headers or {}), **more}
                raise
            more["Upload-Offset"] = str(file.offset)
            if file.offset == size_bytes:
                more["Content-Location"] = f"/v1/videos/{await complete(database, upload, file)}"
    return _answer(HTTPStatus.CREATED, {**more, **_expires(upload)})


@router.head(
    "/v1/uploads/{upload_id}",
    response_class=Response,
    responses=SAYS,
    openapi_extra={"parameters": [_ID, _RESUMABLE]},
)
async def offset(request: Request, caller: LoggedIn) -> Response:
    """How much of it is there."""
    _check_version(request)
    database: Database = request.app.state.database
    upload = await _own(request, caller, "read")
    upload_id, size_bytes = upload["upload_id"], upload["size_bytes"]
    more = {
        "Upload-Length": str(size_bytes),
        "Upload-Metadata": written_metadata(
            Metadata(upload["title"], upload["description"], upload["file_name"])
        ),
        "Cache-Control": "no-store",
    }
    if upload["state"] == "finished":
        return _answer(HTTPStatus.OK, more | _whole(upload))
    there = await run_in_threadpool(size_of, file_of(upload_id))
    if there == size_bytes:
        # All of it is there, and whoever was about to say so has died.
        with suppress(BusyError):
            async with opened(upload) as file:
                # Somebody else may have finished it in this moment: then this is another, empty file.
                upload = await _own(request, caller, "read")
                if upload["state"] == "finished":
                    await run_in_threadpool(file.forget)
                    return _answer(HTTPStatus.OK, more | _whole(upload))
                more["Content-Location"] = f"/v1/videos/{await complete(database, upload, file)}"
    return _answer(HTTPStatus.OK, {**more, "Upload-Offset": str(there), **_expires(upload)})


@router.patch(
    "/v1/uploads/{upload_id}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=SAYS,
    openapi_extra={
        "parameters": [_ID, _RESUMABLE, _header("Upload-Offset", _BYTES, required=True), _CHECKSUM],
        "requestBody": _BODY,
    },
)
async def append(request: Request, caller: LoggedIn) -> Response:
    """Send the bytes that follow. The answer to the last ones says which video it is (`Content-Location`)."""
    _check_version(request)
    if request.headers.get("Content-Type", "").partition(";")[0].strip() != OFFSET_OCTETS:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type: {OFFSET_OCTETS} is needed.")
    asked = read_bytes("Upload-Offset", request.headers.get("Upload-Offset"))
    checksum = read_checksum(request.headers.get("Upload-Checksum"))
    database: Database = request.app.state.database
    upload = await _own(request, caller, "write")
    if upload["state"] == "finished":
        return _finished(upload, asked)
    async with opened(upload) as file:
        # Whoever wrote before may have finished it in this moment.
        upload = await _own(request, caller, "write")
        if upload["state"] == "finished":
            await run_in_threadpool(file.forget)
            return _finished(upload, asked)
        if asked != file.offset:
            raise HTTPException(
                HTTPStatus.CONFLICT,
                f"{file.offset} bytes are there, not {asked}.",
                {"Upload-Offset": str(file.offset)},
            )
        _check_fits(request, upload["size_bytes"] - file.offset)
        await take(request, database, upload, file, checksum)
        await keep_alive(database, upload)
        more = {"Upload-Offset": str(file.offset), **_expires(upload)}
        if file.offset == upload["size_bytes"]:
            more["Content-Location"] = f"/v1/videos/{await complete(database, upload, file)}"
    return _answer(HTTPStatus.NO_CONTENT, more)


@router.delete(
    "/v1/uploads/{upload_id}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=SAYS,
    openapi_extra={"parameters": [_ID, _RESUMABLE]},
)
async def terminate(request: Request, caller: LoggedIn) -> Response:
    """Give it up: what is there goes. The video of one that is finished stays."""
    _check_version(request)
    upload = await _own(request, caller, "write")
    async with opened(upload) as file:
        await end(request.app.state.database, upload["upload_id"], "terminated")
        await run_in_threadpool(file.forget)
    return _answer(HTTPStatus.NO_CONTENT, {})


@router.post("/v1/uploads/{upload_id}", include_in_schema=False)
async def overridden(request: Request, caller: LoggedIn) -> Response:
    """X-HTTP-Method-Override (tus, core protocol), for those whose environment knows GET and POST alone."""
    handlers = {"PATCH": append, "DELETE": terminate, "HEAD": offset}
    handler = handlers.get(request.headers.get("X-HTTP-Method-Override", "").upper())
    if handler is None:
        raise HTTPException(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "HEAD, PATCH and DELETE are known here.",
            {"Allow": "HEAD, PATCH, DELETE"},
        )
    return await handler(request, caller)


async def _own(request: Request, caller: Member, action: str) -> Row:
    """The caller's upload that the path names. Raises NotFoundError for a stranger; answers 410 once it is given up."""
    upload = await existing_upload(request.app.state.database, request.path_params["upload_id"])
    require("upload", "there", action, relations(caller, upload["user_id"]))
    if upload["state"] in ("terminated", "expired"):
        raise HTTPException(HTTPStatus.GONE, f"This upload was {upload['state']}.")
    return upload


def _check_version(request: Request) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise HTTPException(
            HTTPStatus.PRECONDITION_FAILED, f"Tus-Resumable: {VERSION} is needed.", {"Tus-Version": VERSION}
        )


def _check_fits(request: Request, room: int) -> None:
    """Refuse a body that says that it is too long, or is compressed, before a byte of it is taken."""
    if request.headers.get("Content-Encoding", "").strip().lower() not in ("", "identity"):
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Bytes of a file are taken as they are, without Content-Encoding.",
            {"Connection": "close"},
        )
    length = request.headers.get("Content-Length")
    if length is not None and length.isdigit() and int(length) > room:
        raise HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"There is room for {room} bytes more, by Upload-Length.",
            {"Connection": "close"},
        )


def _finished(upload: Row, asked: int) -> Response:
    """The answer for what is there already: a client that never got the last one sends nothing from the end on."""
    size_bytes = upload["size_bytes"]
    if asked != size_bytes:
        raise HTTPException(
            HTTPStatus.CONFLICT,
            f"{size_bytes} bytes are there, not {asked}.",
            {"Upload-Offset": str(size_bytes)},
        )
    return _answer(HTTPStatus.NO_CONTENT, _whole(upload))


def _whole(upload: Row) -> dict[str, str]:
    """Headers of one that is finished."""
    return {
        "Upload-Offset": str(upload["size_bytes"]),
        "Content-Location": f"/v1/videos/{upload['video_id']}",
        **_expires(upload),
    }


def _expires(upload: Row) -> dict[str, str]:
    return {"Upload-Expires": format_datetime(upload["expires"], usegmt=True)}


def _answer(status: int, headers: dict[str, str]) -> Response:
    return Response(status_code=status, headers=headers)
