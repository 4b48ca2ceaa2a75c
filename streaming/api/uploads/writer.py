"""Writer of a request's body to an upload's file: received on the event loop, written and hashed in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from anyio import CapacityLimiter, to_thread
from fastapi import HTTPException
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from schemas.errors import StorageError
from stores.free_space import require_free_space
from stores.media import media
from streaming.api.uploads.fields import CHECKSUM_MISMATCH, Checksum
from streaming.api.uploads.file import UploadFile
from streaming.api.uploads.rows import (
    delete_digests,
    find_path,
    finish_upload,
    list_missing_chunks,
    record_digests,
)
from streaming.serving.database import Database, Row

BLOCK_BYTES = 1 << 20
"""Collected before a write; with the block being written that is all the memory of an upload."""
SILENCE_S = 4.0
"""A client that sends nothing for so long is considered dead: received bytes are kept, another request may resume."""
SYNC_BYTES = 32 << 20
"""Between background syncs: little is left for the final one."""
DIGEST_BATCH = 256
_threads = CapacityLimiter(16)
"""Separate from the threads that serve files: uploads must not occupy those."""


class SilentError(Exception):
    """The client stopped sending."""


@asynccontextmanager
async def open_file(upload: Row) -> AsyncIterator[UploadFile]:
    """The upload's file, locked. Raises BusyError (423) while another request writes."""
    file = await run_in_threadpool(UploadFile, find_path(upload["upload_id"]))
    try:
        yield file
    finally:
        await run_in_threadpool(file.close)


async def append_body(
    request: Request, database: Database, upload: Row, file: UploadFile, checksum: Checksum | None
) -> None:
    """Append a request's body. Raises HTTPException: 408 (kept unless it has a checksum), 413 or 460."""
    upload_id, began_at = upload["upload_id"], file.offset
    await run_in_threadpool(file.prepare)
    checksum = file.share(checksum)
    if checksum is not None:
        await run_in_threadpool(file.begin_check)
    problem: HTTPException | StorageError | None = None
    try:
        await _append(request, database, upload, file, checksum)
        if checksum is not None and not checksum.matches:
            problem = HTTPException(CHECKSUM_MISMATCH, "The bytes do not match Upload-Checksum.")
    except (ClientDisconnect, SilentError) as error:
        problem = HTTPException(HTTPStatus.REQUEST_TIMEOUT, "The body ended early.", {"Connection": "close"})
        problem.__cause__ = error
        if checksum is None:
            await _persist(database, upload_id, file)
            raise problem from error
    except StorageError as error:
        if checksum is None:
            raise
        # Bytes without a verified checksum must not keep the disk full.
        problem = error
    except HTTPException as error:
        problem = error
    if problem is not None:
        await run_in_threadpool(file.roll_back)
        await delete_digests(database, upload_id, began_at)
        await run_in_threadpool(file.end_check)
        raise problem
    await _persist(database, upload_id, file)
    await run_in_threadpool(file.end_check)


async def complete_upload(database: Database, upload: Row, file: UploadFile) -> str:
    """Turn a complete file into a source and its upload into a video; returns the video's id.

    The file is linked into the media store before the rows change, and unlinked here after: if the process is killed in
    between, the next request for this upload repeats it.
    """
    sha256, digests = await run_in_threadpool(file.finish)
    await run_in_threadpool(file.sync)
    await record_digests(database, upload["upload_id"], digests)
    missing = await list_missing_chunks(database, upload)
    for start in range(0, len(missing), DIGEST_BATCH):
        batch = await run_in_threadpool(file.compute_digests, missing[start : start + DIGEST_BATCH])
        await record_digests(database, upload["upload_id"], batch)
    await run_in_threadpool(media().adopt_source, file.path, sha256)
    video_id = await finish_upload(database, upload, sha256)
    await run_in_threadpool(file.delete)
    return video_id


async def _append(
    request: Request, database: Database, upload: Row, file: UploadFile, checksum: Checksum | None
) -> None:
    room = upload["size_bytes"] - file.offset
    writing: asyncio.Future[None] | None = None
    syncing: asyncio.Future[None] | None = None
    synced = file.offset
    try:
        async for block in _receive_blocks(request):
            room -= len(block)
            if room < 0:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "More bytes than Upload-Length.")
            require_free_space(file.path, len(block))
            if writing is not None:
                await writing
            if file.ready_digests >= DIGEST_BATCH:
                await record_digests(database, upload["upload_id"], file.take_ready())
            writing = asyncio.ensure_future(_write_and_digest(file, block, checksum))
            if file.offset - synced >= SYNC_BYTES and (syncing is None or syncing.done()):
                synced = file.offset
                syncing = asyncio.ensure_future(to_thread.run_sync(file.sync, limiter=_threads))
    finally:
        for running in (writing, syncing):
            if running is not None:
                await running


async def _write_and_digest(file: UploadFile, block: bytes, checksum: Checksum | None) -> None:
    """Write and digest a block in two threads: hashlib releases the GIL."""
    digesting = asyncio.ensure_future(to_thread.run_sync(file.digest, block, checksum, limiter=_threads))
    try:
        await to_thread.run_sync(file.append, block, limiter=_threads)
    finally:
        await digesting


async def _receive_blocks(request: Request) -> AsyncIterator[bytes]:
    """The body in blocks; all received bytes are yielded before ClientDisconnect or SilentError is raised."""
    parts: list[bytes] = []
    buffered = 0
    stream = request.stream()
    failure: Exception | None = None
    while failure is None:
        try:
            async with asyncio.timeout(SILENCE_S):
                part = await anext(stream)
        except StopAsyncIteration:
            break
        except TimeoutError:
            failure = SilentError()
        except ClientDisconnect as error:
            failure = error
        else:
            parts.append(part)
            buffered += len(part)
            if buffered >= BLOCK_BYTES:
                yield b"".join(parts)
                parts, buffered = [], 0
    if buffered:
        yield b"".join(parts)
    if failure is not None:
        raise failure


async def _persist(database: Database, upload_id: str, file: UploadFile) -> None:
    """Sync the file and record its digests; afterwards the bytes may be acknowledged."""
    await run_in_threadpool(file.sync)
    await record_digests(database, upload_id, file.take_ready())
