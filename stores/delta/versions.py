"""Versions of a table, by number or time. Tests: tests/stores/delta/test_reading.py."""

from __future__ import annotations

from datetime import UTC, datetime

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from schemas.errors import InputError, NotFoundError
from schemas.settings import settings


def open_version(name: str, location: str, as_of: int | datetime | None = None) -> DeltaTable:
    """A handle on a version of a table: by number, at a time, or the newest.

    Raises NotFoundError if the table is missing, InputError if time travel does not reach that far.
    """
    try:
        if as_of is None:
            return DeltaTable(location)
        version = as_of if isinstance(as_of, int) else _find_version(name, DeltaTable(location), as_of)
        return _open_number(name, location, version)
    except TableNotFoundError as error:
        raise NotFoundError(f"table {name} is not in the lake yet: {location}") from error


def _open_number(name: str, location: str, version: int) -> DeltaTable:
    try:
        return DeltaTable(location, version=version)
    except TableNotFoundError:
        raise
    except DeltaError as error:
        newest = DeltaTable(location)
        first, last = _list_versions(newest)[0][0], newest.version()
        raise InputError(f"{name} has no version {version}: its versions are {first} to {last}") from error


def _find_version(name: str, newest: DeltaTable, at: datetime) -> int:
    """The version that was the newest at a time."""
    versions = _list_versions(newest)
    past = [version for version, committed in versions if committed <= at]
    if not past:
        raise InputError(
            f"{name} AS OF {at.isoformat()}: its log begins at {versions[0][1].isoformat()}, and is kept "
            f"NEWSREEL_RETENTION_DAYS={settings().retention_days} days"
        )
    return past[-1]


def _list_versions(handle: DeltaTable) -> list[tuple[int, datetime]]:
    """Versions whose commits are still in the log, the oldest first, with the times of the commits."""
    commits = ((found["version"], found["timestamp"]) for found in handle.history())
    return sorted((version, datetime.fromtimestamp(ms / 1000, UTC)) for version, ms in commits)
