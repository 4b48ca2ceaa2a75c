"""What a person or a script sees: one JSON document on stdout, or text; progress always on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

_state = {"json": False}
UNWRAPPED_COLUMNS = 10_000
"""Wide enough that no row is broken in two where a program reads."""
OnProgress = Callable[[int, int, str], None]


def set_json(wanted: bool) -> None:
    """Whether this run of the command promises one JSON document on stdout and nothing else."""
    _state["json"] = wanted


def is_json() -> bool:
    """Whether JSON was asked for."""
    return _state["json"]


def stdout() -> Console:
    """Where results go."""
    width = None if sys.stdout.isatty() else UNWRAPPED_COLUMNS
    return Console(file=sys.stdout, highlight=False, markup=False, width=width)


def say(text: str) -> None:
    """One line of progress or explanation, on stderr; it never mixes with a result."""
    print(text, file=sys.stderr, flush=True)


def emit(document: Any) -> None:
    """Print the one JSON document."""
    print(json.dumps(document, ensure_ascii=False, default=plain, indent=2 if sys.stdout.isatty() else None))


def fail(kind: str, detail: str, *, exit_code: int) -> int:
    """Say what went wrong, as JSON on stdout where a script asked for it; returns the exit code."""
    if is_json() and exit_code >= 2:
        emit({"error": {"kind": kind, "detail": detail}})
    say(f"error: {detail}")
    return exit_code


def table(title: str, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """A small table on stdout."""
    drawn = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(cell(value) for value in row))
    stdout().print(drawn)


def cell(value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list):
        return "; ".join(map(str, value)) or "-"
    return str(plain(value))


def plain(value: Any) -> Any:
    """A value as JSON takes it: times RFC 3339 in UTC, bytes as hex."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


@contextmanager
def progress() -> Iterator[OnProgress]:
    """A callback `(done, total, label)`: a bar on a terminal, a plain line for each tenth elsewhere."""
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
            tasks: dict[str, Any] = {}

            def draw(done: int, total: int, label: str) -> None:
                if label not in tasks:
                    tasks[label] = bar.add_task(label, total=total)
                bar.update(tasks[label], completed=done, total=total)

            yield draw
        return
    shown: dict[str, int] = {}

    def line(done: int, total: int, label: str) -> None:
        tenth = 10 * done // max(total, 1)
        if shown.get(label) != tenth:
            shown[label] = tenth
            say(f"{label}: {done} of {total}")

    yield line
