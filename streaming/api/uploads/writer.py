"""A request's bytes into an upload's file: received on the event loop, written and hashed in a thread meanwhile."""

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
from stores.media import media
from streaming.api.uploads.fields import CHECKSUM_MISMATCH, Checksum
from streaming.api.uploads.file import UploadFile
from streaming.api.uploads.rows import drop_digests, file_of, finish, keep_digests, missing_chunks
from streaming.serving.database import Database, Row

BLOCK_BYTES = 1 << 20
"""So much is collected before it is written; another block may be on its way: that is all an upload holds."""
SILENCE_S = 4.0
"""A writer who sends nothing for so long is taken for dead: what came is kept, and somebody else may go on."""
SYNC_BYTES = 32 << 20
"""So often the disk is asked to begin: what is left at the end is little to wait for."""
DIGESTS_AT_ONCE = 256
_threads = CapacityLimiter(16)
"""Apart from the threads that serve files: uploads must not keep those."""


class SilentError(Exception):
    """The client has stopped to send."""


@asynccontextmanager
async def opened(upload: Row) -> AsyncIterator[UploadFile]:
    """The upload's file, for one writer. Answers 423 while somebody else writes."""
    file = await run_in_threadpool(UploadFile, file_of(upload["upload_id"]))
    try:
        yield file
    finally:
        await run_in_threadpool(file.close)


async def take(
    request: Request, database: Database, upload: Row, file: UploadFile, checksum: Checksum | None
) -> None:
    """Append a request's body. Answers 460, 413 or 408; one that ends early without a checksum is kept as it came."""
    upload_id, began_at = upload["upload_id"], file.offset
    await run_in_threadpool(file.prepare)
    checksum = file.share(checksum)
    if checksum is not None:
        await run_in_threadpool(file.begin_check)
    problem: HTTPException | StorageError | None = None
    try:
        await _append(request, database, upload, file, checksum)
        if checksum is not None and not checksum.fits:
            problem = HTTPException(CHECKSUM_MISMATCH, "These bytes do not add up to Upload-Checksum.")
    except (ClientDisconnect, SilentError) as error:
        problem = HTTPException(
            HTTPStatus.REQUEST_TIMEOUT, "The body has ended early.", {"Connection": "close"}
        )
        problem.__cause__ = error
        if checksum is None:
            await _settle(database, upload_id, file)
            raise problem from error
    except StorageError as error:
        if checksum is None:
            raise
        # Bytes that nobody will count must not keep the disk full.
        problem = error
    except HTTPException as error:
        problem = error
    if problem is not None:
        await run_in_threadpool(file.go_back)
        await drop_digests(database, upload_id, began_at)
        await run_in_threadpool(file.end_check)
        raise problem
    await _settle(database, upload_id, file)
    await run_in_threadpool(file.end_check)


async def complete(database: Database, upload: Row, file: UploadFile) -> str:
    """All bytes are there: the file becomes a source and the upload a video, whose id is returned.

    The file gets its second name before the rows say so, and loses its first one after: killed in between, the next
    request for this upload does it again.
    """
    sha256, digests = await run_in_threadpool(file.finish)
    await run_in_threadpool(file.sync)
    await keep_digests(database, upload["upload_id"], digests)
    missing = await missing_chunks(database, upload)
    for start in range(0, len(missing), DIGESTS_AT_ONCE):
        lot = await run_in_threadpool(file.digests_of, missing[start : start + DIGESTS_AT_ONCE])
        await keep_digests(database, upload["upload_id"], lot)
    await run_in_threadpool(media().adopt_source, file.path, sha256)
    video_id = await finish(database, upload, sha256)
    await run_in_threadpool(file.forget)
    return video_id


async def _append(
    request: Request, database: Database, upload: Row, file: UploadFile, checksum: Checksum | None
) -> None:
    room = upload["size_bytes"] - file.offset
    writing: asyncio.Future[None] | None = None
    syncing: asyncio.Future[None] | None = None
    synced = file.offset
    try:
        async for block in _blocks(request):
            room -= len(block)
            if room < 0:
                raise HTTPException(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "There are more bytes than Upload-Length says."
                )
            if writing is not None:
                await writing
            if file.ready_digests >= DIGESTS_AT_ONCE:
                await keep_digests(database, upload["upload_id"], file.take_ready())
            writing = asyncio.ensure_future(_both(file, block, checksum))
            if file.offset - synced >= SYNC_BYTES and (syncing is None or syncing.done()):
                synced = file.offset
                syncing = asyncio.ensure_future(to_thread.run_sync(file.sync, limiter=_threads))
    finally:
        for running in (writing, syncing):
            if running is not None:
                await running


async def _both(file: UploadFile, block: bytes, checksum: Checksum | None) -> None:
    """Write a block and digest it, in two threads: hashlib lets go of the interpreter."""
    digesting = asyncio.ensure_future(to_thread.run_sync(file.digest, block, checksum, limiter=_threads))
    try:
        await to_thread.run_sync(file.append, block, limiter=_threads)
    finally:
        await digesting


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    """The body in blocks; the last one also where the body ends early, before that is told."""
    parts: list[bytes] = []
    held = 0
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
            held += len(part)
            if held >= BLOCK_BYTES:
                yield b"".join(parts)
                parts, held = [], 0
    if held:
        yield b"".join(parts)
    if failure is not None:
        raise failure


async def _settle(database: Database, upload_id: str, file: UploadFile) -> None:
    """What is there is on the disk, and its digests in the table: now it may be acknowledged."""
    await run_in_threadpool(file.sync)
    await keep_digests(database, upload_id, file.take_ready())
