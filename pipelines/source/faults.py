"""Faults of a source, and the reasons that users get for them."""

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
"""Kinds in which bytes were lost or changed, so that parity could repair them."""


MOST_PLACES = 5
"""How many places of the same fault a reason lists before it says "elsewhere"."""


@dataclass(frozen=True)
class Fault:
    """One fault. Times are seconds from the first picture, bytes count from the start of the file; both half-open."""

    kind: str
    detail: str
    severity: str = "fatal"
    start_s: float | None = None
    end_s: float | None = None
    byte_start: int | None = None
    byte_end: int | None = None

    @property
    def repairable(self) -> bool:
        """Whether parity that was recorded earlier could repair it."""
        return self.kind in DAMAGE

    def as_row(self) -> dict[str, Any]:
        """The fault as in reports and in `inspections`."""
        return {**asdict(self), "repairable": self.repairable}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The fault of a row of `inspections`."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})

    @property
    def sort_key(self) -> tuple[Any, ...]:
        """Orders faults by time, byte and kind: the same order for any number of workers."""
        return (self.start_s or 0.0, self.byte_start or 0, self.kind, self.end_s or 0.0)


def list_reasons(found: Iterable[Fault]) -> list[str]:
    """Reasons for a rejection, as text: the fatal faults in order, with their places, without repeats.

    `decode_error at 5.0-5.4 s and 7.1-7.2 s: the picture is damaged: ...`
    """
    places: dict[tuple[str, str], list[str]] = {}
    for fault in sorted(found, key=lambda fault: fault.sort_key):
        if fault.severity == "fatal":
            spans = places.setdefault((fault.kind, fault.detail), [])
            if fault.start_s is not None and fault.end_s is not None:
                spans.append(f"{fault.start_s:.1f}-{fault.end_s:.1f} s")
    return [f"{kind}{_format_places(spans)}: {detail}" for (kind, detail), spans in places.items()]


def _format_places(places: Sequence[str]) -> str:
    if not places:
        return ""
    *first, last = places if len(places) <= MOST_PLACES else [*places[:MOST_PLACES], "elsewhere"]
    return f" at {', '.join(first)} and {last}" if first else f" at {last}"


class UnfitSourceError(InputError):
    """The file can be read, but there is nothing in it to inspect or encode; `fault` says why."""

    def __init__(self, path: Path, fault: Fault) -> None:
        super().__init__(f"{path}: {fault.detail}")
        self.path, self.fault = path, fault

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.path, self.fault))
