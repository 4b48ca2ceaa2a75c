"""Stage `maintain`: maintenance of the lake. Compacts small files, erases deleted rows from `events`, vacuums.

The stage holds the lease of the tables' writer, so that two engines never write to one table at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from schemas.settings import settings
from schemas.tables import TABLES
from stores.delta import lake
from stores.delta.event_log import EVENTS
from stores.delta.maintenance import (
    REJECTED,
    clean_up_log,
    compact,
    erase_deleted,
    erase_rejected,
    measure_size,
    vacuum,
)
from stores.delta.maintenance_lock import TableBusyError, maintenance_lock
from stores.stage import TABLES_SCOPE, stage_arguments, stage_attempt

LEASE_WITHIN_S = 1_800


def maintain(run_id: str, day: date) -> tuple[list[dict[str, Any]], list[str]]:
    """Maintain every table; returns the rows written to `table_sizes`, which are for `day`, and reasons.

    A reason is given for each table that is left out because another process maintains it.
    """
    until = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    rows, left_out = [], []
    for name in TABLES:
        try:
            with maintenance_lock(lake(), name, f"run {run_id}"):
                rows.append(_maintain_table(name, run_id, day, until))
        except TableBusyError as error:
            left_out.append(error.detail)
    lake().merge("table_sizes", rows)
    return rows, left_out


def _maintain_table(name: str, run_id: str, day: date, until: datetime) -> dict[str, Any]:
    store = lake()
    before = measure_size(store, name).files
    erased = 0
    if name == EVENTS:
        erased = erase_deleted(store, until)
    elif name == REJECTED:
        erased = erase_rejected(store, until, settings().retention_days)
    compact(store, name)
    clean_up_log(store, name)
    vacuumed = vacuum(store, name, settings().retention_days)
    after = measure_size(store, name)
    stored, log_files = _measure_storage(name)
    return {
        "day": day, "table_name": name, "rows": after.rows, "files": after.files, "size_bytes": after.size_bytes,
        "files_before": before, "stored_bytes": stored, "log_files": log_files, "vacuumed_files": vacuumed,
        "erased_rows": erased, "run_id": run_id,
    }  # fmt: skip


def _measure_storage(name: str) -> tuple[int | None, int | None]:
    """Bytes in the table's folder and files in its log; None for a lake that is not a local folder."""
    location = urlsplit(lake().location(name))
    if location.scheme not in ("", "file"):
        return None, None
    folder = Path(unquote(location.path))
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files), sum(path.parent.name == "_delta_log" for path in files)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = stage_arguments(argv)
    day = arguments.day  # the last complete one
    with stage_attempt(
        "maintain", arguments, scope=TABLES_SCOPE, opens=True, waits_s=LEASE_WITHIN_S, frees_space=True
    ) as attempt:
        rows, left_out = maintain(arguments.run_id, day)
        attempt.rows = len(rows)
        files, before = (sum(row[name] for row in rows) for name in ("files", "files_before"))
        erased, vacuumed = (sum(row[name] for row in rows) for name in ("erased_rows", "vacuumed_files"))
        done = f"{before} files became {files}; {vacuumed} old ones removed; {erased} rows erased"
        attempt.detail = "; ".join([done, *left_out])


if __name__ == "__main__":
    main()
