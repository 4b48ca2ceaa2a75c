"""`/v1/uploads`: resumable uploads, tus 1.0.0 (https://tus.io/protocols/resumable-upload)."""

from __future__ import annotations

from contextlib import suppress
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from stores.free_space import require_free_space
from streaming.accounts.authorization import find_relations, require
from streaming.accounts.caller import LoggedIn, Member
from streaming.api.uploads.fields import (
    ALGORITHMS,
    CHECKSUM_MISMATCH,
    EXTENSIONS,
    LONGEST_BYTES,
    VERSION,
    Metadata,
    encode_metadata,
    parse_bytes,
    parse_checksum,
    parse_length,
    parse_metadata,
)
from streaming.api.uploads.file import BusyError, find_offset
from streaming.api.uploads.rows import (
    create_upload,
    end_upload,
    extend_upload,
    find_folder,
    find_path,
    read_upload,
)
from streaming.api.uploads.writer import append_body, complete_upload, open_file
from streaming.serving.database import Database, DatabaseDep, Row
from streaming.serving.openapi import ANYONE
from streaming.serving.plain_route import path_parameter

router = APIRouter(tags=["uploads"])

OFFSET_OCTETS = "application/offset+octet-stream"
RESPONSES: dict[int | str, dict[str, Any]] = {
    CHECKSUM_MISMATCH: {"description": "The bytes do not match Upload-Checksum; none were kept."},
    410: {"description": "The upload was deleted or has expired."},
    412: {"description": "Tus-Resumable must be 1.0.0."},
    413: {"description": "More bytes than Upload-Length, or than the account's quota has left."},
    423: {"description": "Another request writes this upload."},
    507: {"description": "Too little free space on the server's disk; received bytes are kept."},
}
_BYTES: dict[str, Any] = {"type": "integer", "minimum": 0}


def _declare_header(name: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "schema": schema}


_RESUMABLE = _declare_header("Tus-Resumable", {"type": "string", "enum": [VERSION]}, required=True)
_CHECKSUM = _declare_header("Upload-Checksum", {"type": "string"})
_BODY = {"content": {OFFSET_OCTETS: {"schema": {"type": "string", "format": "binary"}}}}
_ID = path_parameter("upload_id")


@router.options("/v1/uploads", status_code=HTTPStatus.NO_CONTENT, openapi_extra=ANYONE)
async def capabilities() -> Response:
    """The server's tus version and extensions."""
    return _respond(
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
    responses=RESPONSES,
    openapi_extra={
        "parameters": [
            _RESUMABLE,
            _declare_header("Upload-Length", _BYTES, required=True),
            _declare_header("Upload-Metadata", {"type": "string"}),
            _CHECKSUM,
        ],
        "requestBody": _BODY,
    },
)
async def create(request: Request, caller: LoggedIn, database: DatabaseDep) -> Response:
    """Create an upload; the body may contain the first bytes of the file (creation-with-upload)."""
    _check_version(request)
    headers = request.headers
    if "Upload-Defer-Length" in headers:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, "Upload-Length is required: Upload-Defer-Length is not supported."
        )
    size_bytes = parse_length(headers.get("Upload-Length"))
    metadata, checksum = (
        parse_metadata(headers.get("Upload-Metadata")),
        parse_checksum(headers.get("Upload-Checksum")),
    )
    with_bytes = headers.get("Content-Type", "").partition(";")[0].strip() == OFFSET_OCTETS
    if not with_bytes and headers.get("Content-Length", "0") != "0":
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Unsupported Content-Type: send {OFFSET_OCTETS}."
        )
    _check_body(request, size_bytes)
    require_free_space(find_folder(), size_bytes)
    upload = await create_upload(database, caller.user_id, size_bytes, metadata)
    response_headers = {"Location": f"/v1/uploads/{upload['upload_id']}", "Upload-Offset": "0"}
    if with_bytes or not size_bytes:
        async with open_file(upload) as file:
            try:
                if with_bytes:
                    await append_body(request, database, upload, file, checksum)
            except HTTPException as error:
                # The upload exists nevertheless, and can be resumed.
                error.headers = {**(error.headers or {}), **response_headers}
                raise
            response_headers["Upload-Offset"] = str(file.offset)
            if file.offset == size_bytes:
                response_headers["Content-Location"] = (
                    f"/v1/videos/{await complete_upload(database, upload, file)}"
                )
    return _respond(HTTPStatus.CREATED, {**response_headers, **_describe_expiry(upload)})


@router.head(
    "/v1/uploads/{upload_id}",
    response_class=Response,
    responses=RESPONSES,
    openapi_extra={"parameters": [_ID, _RESUMABLE]},
)
async def offset(request: Request, caller: LoggedIn, database: DatabaseDep) -> Response:
    """The offset: the number of bytes received."""
    _check_version(request)
    upload = await _authorize(database, request, caller, "read")
    upload_id, size_bytes = upload["upload_id"], upload["size_bytes"]
    response_headers = {
        "Upload-Length": str(size_bytes),
        "Upload-Metadata": encode_metadata(
            Metadata(upload["title"], upload["description"], upload["file_name"])
        ),
        "Cache-Control": "no-store",
    }
    if upload["state"] == "finished":
        return _respond(HTTPStatus.OK, response_headers | _describe_complete(upload))
    received = await run_in_threadpool(find_offset, find_path(upload_id))
    if received == size_bytes:
        # The file is complete, and the process that should have completed the upload has died.
        with suppress(BusyError):
            async with open_file(upload) as file:
                # Another request may have completed it meanwhile: then this is a new, empty file.
                upload = await _authorize(database, request, caller, "read")
                if upload["state"] == "finished":
                    await run_in_threadpool(file.delete)
                    return _respond(HTTPStatus.OK, response_headers | _describe_complete(upload))
                response_headers["Content-Location"] = (
                    f"/v1/videos/{await complete_upload(database, upload, file)}"
                )
    return _respond(
        HTTPStatus.OK, {**response_headers, "Upload-Offset": str(received), **_describe_expiry(upload)}
    )


@router.patch(
    "/v1/uploads/{upload_id}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=RESPONSES,
    openapi_extra={
        "parameters": [_ID, _RESUMABLE, _declare_header("Upload-Offset", _BYTES, required=True), _CHECKSUM],
        "requestBody": _BODY,
    },
)
async def append(request: Request, caller: LoggedIn, database: DatabaseDep) -> Response:
    """Append bytes. The response to the last ones names the video (`Content-Location`)."""
    _check_version(request)
    if request.headers.get("Content-Type", "").partition(";")[0].strip() != OFFSET_OCTETS:
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Unsupported Content-Type: send {OFFSET_OCTETS}."
        )
    given_offset = parse_bytes("Upload-Offset", request.headers.get("Upload-Offset"))
    checksum = parse_checksum(request.headers.get("Upload-Checksum"))
    upload = await _authorize(database, request, caller, "write")
    if upload["state"] == "finished":
        return _respond_finished(upload, given_offset)
    async with open_file(upload) as file:
        # The previous writer may have completed it meanwhile.
        upload = await _authorize(database, request, caller, "write")
        if upload["state"] == "finished":
            await run_in_threadpool(file.delete)
            return _respond_finished(upload, given_offset)
        if given_offset != file.offset:
            raise HTTPException(
                HTTPStatus.CONFLICT,
                f"Upload-Offset: must be {file.offset}, not {given_offset}.",
                {"Upload-Offset": str(file.offset)},
            )
        _check_body(request, upload["size_bytes"] - file.offset)
        await append_body(request, database, upload, file, checksum)
        await extend_upload(database, upload)
        response_headers = {"Upload-Offset": str(file.offset), **_describe_expiry(upload)}
        if file.offset == upload["size_bytes"]:
            response_headers["Content-Location"] = (
                f"/v1/videos/{await complete_upload(database, upload, file)}"
            )
    return _respond(HTTPStatus.NO_CONTENT, response_headers)


@router.delete(
    "/v1/uploads/{upload_id}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=RESPONSES,
    openapi_extra={"parameters": [_ID, _RESUMABLE]},
)
async def terminate(request: Request, caller: LoggedIn, database: DatabaseDep) -> Response:
    """Delete an upload and its bytes. The video of a finished upload stays."""
    _check_version(request)
    upload = await _authorize(database, request, caller, "write")
    async with open_file(upload) as file:
        await end_upload(database, upload["upload_id"], "terminated")
        await run_in_threadpool(file.delete)
    return _respond(HTTPStatus.NO_CONTENT, {})


@router.post("/v1/uploads/{upload_id}", include_in_schema=False)
async def override_method(request: Request, caller: LoggedIn, database: DatabaseDep) -> Response:
    """X-HTTP-Method-Override (tus, core protocol), for clients limited to GET and POST."""
    handlers = {"PATCH": append, "DELETE": terminate, "HEAD": offset}
    handler = handlers.get(request.headers.get("X-HTTP-Method-Override", "").upper())
    if handler is None:
        raise HTTPException(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "X-HTTP-Method-Override: must be HEAD, PATCH or DELETE.",
            {"Allow": "HEAD, PATCH, DELETE"},
        )
    return await handler(request, caller, database)


async def _authorize(database: Database, request: Request, caller: Member, action: str) -> Row:
    """The upload in the path. Raises NotFoundError unless it is the caller's, HTTPException (410) if it has ended."""
    upload = await read_upload(database, request.path_params["upload_id"])
    require("upload", "there", action, find_relations(caller, upload["user_id"]))
    if upload["state"] in ("terminated", "expired"):
        raise HTTPException(HTTPStatus.GONE, f"The upload is {upload['state']}.")
    return upload


def _check_version(request: Request) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise HTTPException(
            HTTPStatus.PRECONDITION_FAILED, f"Tus-Resumable: must be {VERSION}.", {"Tus-Version": VERSION}
        )


def _check_body(request: Request, room: int) -> None:
    """Reject a body that is compressed, or too long by its Content-Length, before reading it."""
    if request.headers.get("Content-Encoding", "").strip().lower() not in ("", "identity"):
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Unsupported Content-Encoding: send the bytes uncompressed.",
            {"Connection": "close"},
        )
    length = request.headers.get("Content-Length")
    if length is not None and length.isdigit() and int(length) > room:
        raise HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"Body too long: {room} bytes are missing of Upload-Length.",
            {"Connection": "close"},
        )


def _respond_finished(upload: Row, given_offset: int) -> Response:
    """The response for a finished upload: a client that missed the last one sends an empty body at the end."""
    size_bytes = upload["size_bytes"]
    if given_offset != size_bytes:
        raise HTTPException(
            HTTPStatus.CONFLICT,
            f"Upload-Offset: must be {size_bytes}, not {given_offset}.",
            {"Upload-Offset": str(size_bytes)},
        )
    return _respond(HTTPStatus.NO_CONTENT, _describe_complete(upload))


def _describe_complete(upload: Row) -> dict[str, str]:
    """Headers of a finished upload."""
    return {
        "Upload-Offset": str(upload["size_bytes"]),
        "Content-Location": f"/v1/videos/{upload['video_id']}",
        **_describe_expiry(upload),
    }


def _describe_expiry(upload: Row) -> dict[str, str]:
    return {"Upload-Expires": format_datetime(upload["expires"], usegmt=True)}


def _respond(status: int, headers: dict[str, str]) -> Response:
    return Response(status_code=status, headers=headers)
