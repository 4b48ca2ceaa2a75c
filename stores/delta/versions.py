"""Which version of a table somebody means by a number or a time."""

from __future__ import annotations

from datetime import UTC, datetime

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from schemas.errors import InputError, NotFoundError
from schemas.settings import settings


def open_version(name: str, location: str, as_of: int | datetime | None = None) -> DeltaTable:
    """A handle on the newest version of a table, on a version by its number, or on that of a time.

    Raises NotFoundError where the table is missing, InputError where time travel does not reach that far.
    """
    try:
        if as_of is None:
            return DeltaTable(location)
        version = as_of if isinstance(as_of, int) else _version_at(name, DeltaTable(location), as_of)
        return _at(name, location, version)
    except TableNotFoundError as error:
        raise NotFoundError(f"table {name} is not in the lake yet: {location}") from error


def _at(name: str, location: str, version: int) -> DeltaTable:
    try:
        return DeltaTable(location, version=version)
    except TableNotFoundError:
        raise
    except DeltaError as error:
        newest = DeltaTable(location)
        first, last = _held(newest)[0][0], newest.version()
        raise InputError(f"{name} has no version {version}: there are {first} to {last}") from error


def _version_at(name: str, newest: DeltaTable, at: datetime) -> int:
    """The version that was the newest at a time."""
    held = _held(newest)
    past = [version for version, committed in held if committed <= at]
    if not past:
        raise InputError(
            f"{name} AS OF {at.isoformat()}: its log begins at {held[0][1].isoformat()}, and is kept "
            f"NEWSREEL_RETENTION_DAYS={settings().retention_days} days"
        )
    return past[-1]


def _held(handle: DeltaTable) -> list[tuple[int, datetime]]:
    """Versions whose commits are still in the log, the oldest first, and when they were made."""
    commits = ((found["version"], found["timestamp"]) for found in handle.history())
    return sorted((version, datetime.fromtimestamp(ms / 1000, UTC)) for version, ms in commits)
