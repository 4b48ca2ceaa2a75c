"""Command-line options of one bench: the arguments after its name.

Tests: tests/benchmarks/test_ratelimit.py.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from schemas.errors import InputError

T = TypeVar("T", int, float)


class Options(argparse.ArgumentParser):
    """Argument parser that raises InputError, so that `newsreel` prints its errors like all others."""

    def __init__(self, bench: str, description: str) -> None:
        super().__init__(prog=f"newsreel bench {bench}", description=description, allow_abbrev=False)

    def add_parts(self, parts: Mapping[str, str], default: Sequence[str]) -> None:
        """Add `--only`: a selection of these parts, separated by commas."""

        def parse_parts(text: str) -> list[str]:
            for part in text.split(","):
                if part not in parts:
                    raise argparse.ArgumentTypeError(f"unknown part {part!r}; choose from {', '.join(parts)}")
            return text.split(",")

        help_text = f"parts to run, separated by commas (default: {','.join(default)})"
        self.add_argument("--only", type=parse_parts, default=list(default), help=help_text)

    def add_kills(self) -> None:
        """Add `--points` and `--resume` of the part `kills`."""
        self.add_argument("--points", type=count, default=50, help="number of kills (default: 50)")
        help_text = "file of outcomes, one JSON line per kill, to read and append to"
        self.add_argument("--resume", type=Path, help=help_text)

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of exiting."""
        raise InputError(f"{self.prog}: {message}; `{self.prog} --help` lists its options")


def positive(text: str) -> float:
    """Parse a number above 0."""
    return _parse(float, text, "a number above 0")


def positives(text: str) -> list[float]:
    """Parse numbers above 0, separated by commas."""
    return [positive(part) for part in text.split(",")]


def count(text: str) -> int:
    """Parse an integer of at least 1."""
    return _parse(int, text, "an integer of at least 1")


def _parse(convert: Callable[[str], T], text: str, expected: str) -> T:
    try:
        value = convert(text)
    except ValueError:
        value = None
    if value is None or not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not {expected}")
    return value
