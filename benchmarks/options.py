"""The command line of one bench: what follows its name."""

from __future__ import annotations

import argparse
from typing import NoReturn

from schemas.errors import InputError


class Options(argparse.ArgumentParser):
    """An argument parser whose complaints are InputErrors, so that `newsreel` says them as it says all errors."""

    def __init__(self, bench: str, does: str) -> None:
        super().__init__(prog=f"newsreel bench {bench}", description=does, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of leaving the process."""
        raise InputError(f"{self.prog}: {message}; `{self.prog} --help` lists its options")


def positive(text: str) -> float:
    """A number above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def positives(text: str) -> list[float]:
    """Numbers above 0, separated by commas."""
    return [positive(part) for part in text.split(",")]


def count(text: str) -> int:
    """A whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return value
