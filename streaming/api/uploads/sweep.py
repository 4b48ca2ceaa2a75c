"""Uploads that nobody goes on with: they expire, and their bytes go."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from schemas.settings import settings
from streaming.api.uploads.file import BusyError, UploadFile
from streaming.api.uploads.rows import end, file_of
from streaming.serving.database import Database

AT_ONCE = 1_000
LEAST_AGE_S = 3_600.0
"""A file without a row is left alone for so long: its row may be on its way."""


async def sweep(database: Database) -> None:
    """End uploads whose time is over, then remove files that no open upload needs."""
    rows = await database.all(
        "SELECT upload_id FROM uploads WHERE state = 'open' AND expires < now() LIMIT %s", (AT_ONCE,)
    )
    for row in rows:
        try:
            file = await run_in_threadpool(UploadFile, file_of(row["upload_id"]))
        except BusyError:
            continue
        try:
            # Somebody may have gone on with it since it was found.
            if await end(database, row["upload_id"], "expired"):
                await run_in_threadpool(file.forget)
        finally:
            await run_in_threadpool(file.close)
    old = await run_in_threadpool(_old_files)
    needed = await database.all(
        "SELECT upload_id FROM uploads WHERE state = 'open' AND upload_id = ANY(%s)",
        ([path.name.removesuffix(".unchecked") for path in old],),
    )
    kept = {row["upload_id"] for row in needed}
    for path in old:
        if path.name.removesuffix(".unchecked") not in kept:
            path.unlink(missing_ok=True)


def _old_files() -> list[Path]:
    folder, now_s = settings().media_path / "uploads", time.time()
    found = []
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            with suppress(FileNotFoundError):
                if now_s - path.stat().st_mtime > LEAST_AGE_S:
                    found.append(path)
    return found[:AT_ONCE]
