"""What can be wrong with a source, in words that a person can act on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from schemas.errors import InputError

EMPTY = "empty"
NOT_A_VIDEO = "not_a_video"
STILL_PICTURE = "still_picture"
UNREADABLE = "unreadable"
UNSUPPORTED_CODEC = "unsupported_codec"
TRUNCATED = "truncated"
DECODE_ERROR = "decode_error"
MISSING_FRAMES = "missing_frames"
AUDIO_DECODE_ERROR = "audio_decode_error"
CHANGED_BYTES = "changed_bytes"
EXTRA_BYTES = "extra_bytes"

DAMAGE = frozenset(
    {
        UNREADABLE,
        TRUNCATED,
        DECODE_ERROR,
        MISSING_FRAMES,
        AUDIO_DECODE_ERROR,
        CHANGED_BYTES,
        EXTRA_BYTES,
    }
)
"""Kinds in which bytes were lost or changed: what parity could mend."""


PLACES_TOLD = 5
"""How many places of one and the same fault a reason names before it says "elsewhere"."""


@dataclass(frozen=True)
class Fault:
    """One fault. Times count from the first picture, in seconds; bytes from the start of the file, half-open."""

    kind: str
    detail: str
    severity: str = "fatal"
    start_s: float | None = None
    end_s: float | None = None
    byte_start: int | None = None
    byte_end: int | None = None

    @property
    def repairable(self) -> bool:
        """Whether parity recorded earlier could mend it."""
        return self.kind in DAMAGE

    def as_row(self) -> dict[str, Any]:
        """The fault as reports and tables show it."""
        return {**asdict(self), "repairable": self.repairable}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The fault that a row of `inspections` tells of."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})

    @property
    def place(self) -> tuple[Any, ...]:
        """Orders faults by time, then byte, then kind; the same for any number of workers."""
        return (self.start_s or 0.0, self.byte_start or 0, self.kind, self.end_s or 0.0)


def reasons(found: Iterable[Fault]) -> list[str]:
    """Why a file is not accepted, for people: its fatal faults in order, where they are, each said once.

    `decode_error at 5.0-5.4 s and 7.1-7.2 s: the picture is damaged: ...`
    """
    places: dict[tuple[str, str], list[str]] = {}
    for fault in sorted(found, key=lambda fault: fault.place):
        if fault.severity == "fatal":
            told = places.setdefault((fault.kind, fault.detail), [])
            if fault.start_s is not None and fault.end_s is not None:
                told.append(f"{fault.start_s:.1f}-{fault.end_s:.1f} s")
    return [f"{kind}{_at(told)}: {detail}" for (kind, detail), told in places.items()]


def _at(places: Sequence[str]) -> str:
    if not places:
        return ""
    *first, last = places if len(places) <= PLACES_TOLD else [*places[:PLACES_TOLD], "elsewhere"]
    return f" at {', '.join(first)} and {last}" if first else f" at {last}"


class UnfitSourceError(InputError):
    """A file can be read, but there is nothing in it to inspect or encode; `fault` says why."""

    def __init__(self, path: Path, fault: Fault) -> None:
        super().__init__(f"{path}: {fault.detail}")
        self.path, self.fault = path, fault

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.path, self.fault))
