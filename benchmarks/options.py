"""The command line of one bench: what follows its name."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from schemas.errors import InputError

T = TypeVar("T", int, float)


class Options(argparse.ArgumentParser):
    """An argument parser whose complaints are InputErrors, so that `newsreel` says them as it says all errors."""

    def __init__(self, bench: str, does: str) -> None:
        super().__init__(prog=f"newsreel bench {bench}", description=does, allow_abbrev=False)

    def add_parts(self, parts: Mapping[str, str], usual: Sequence[str]) -> None:
        """`--only`: some of these parts, by commas; `usual` unless somebody says."""

        def some(text: str) -> list[str]:
            for part in text.split(","):
                if part not in parts:
                    raise argparse.ArgumentTypeError(f"{part!r} is no part; there are {', '.join(parts)}")
            return text.split(",")

        told = f"parts, by commas ({','.join(usual)})"
        self.add_argument("--only", type=some, default=list(usual), help=told)

    def add_kills(self) -> None:
        """`--points` and `--resume`, of a part that kills."""
        self.add_argument("--points", type=count, default=50, help="of kills (50)")
        kept = "a file of outcomes of kills, a JSON line each; made if missing"
        self.add_argument("--resume", type=Path, help=kept)

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of leaving the process."""
        raise InputError(f"{self.prog}: {message}; `{self.prog} --help` lists its options")


def positive(text: str) -> float:
    """A number above 0."""
    return _parse(float, text, "a number above 0")


def positives(text: str) -> list[float]:
    """Numbers above 0, separated by commas."""
    return [positive(part) for part in text.split(",")]


def count(text: str) -> int:
    """A whole number of at least 1."""
    return _parse(int, text, "a whole number of at least 1")


def _parse(read: Callable[[str], T], text: str, wanted: str) -> T:
    try:
        value = read(text)
    except ValueError:
        value = None
    if value is None or not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return value
