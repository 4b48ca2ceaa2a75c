"""Sweep of abandoned uploads: expires them and removes orphaned files.

Tests: tests/streaming/api/uploads/test_uploads.py.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from streaming.api.uploads.file import BusyError, UploadFile
from streaming.api.uploads.rows import end_upload, find_folder, find_path
from streaming.serving.database import Database

BATCH_SIZE = 1_000
LEAST_AGE_S = 3_600.0
"""A younger file without a row is kept: its row may not be committed yet."""


async def sweep_uploads(database: Database) -> None:
    """Expire uploads past their expiry, then remove files without an open upload."""
    rows = await database.all(
        "SELECT upload_id FROM uploads WHERE state = 'open' AND expires < now() LIMIT %s", (BATCH_SIZE,)
    )
    for row in rows:
        try:
            file = await run_in_threadpool(UploadFile, find_path(row["upload_id"]))
        except BusyError:
            continue
        try:
            # It may have received bytes since the query.
            if await end_upload(database, row["upload_id"], "expired"):
                await run_in_threadpool(file.delete)
        finally:
            await run_in_threadpool(file.close)
    old = await run_in_threadpool(_list_old_files)
    open_uploads = await database.all(
        "SELECT upload_id FROM uploads WHERE state = 'open' AND upload_id = ANY(%s)",
        ([path.name.removesuffix(".unchecked") for path in old],),
    )
    open_ids = {row["upload_id"] for row in open_uploads}
    for path in old:
        if path.name.removesuffix(".unchecked") not in open_ids:
            path.unlink(missing_ok=True)


def _list_old_files() -> list[Path]:
    folder, now_s = find_folder(), time.time()
    old = []
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            with suppress(FileNotFoundError):
                if now_s - path.stat().st_mtime > LEAST_AGE_S:
                    old.append(path)
    return old[:BATCH_SIZE]
