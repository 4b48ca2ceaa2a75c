"""Output of the command line: one JSON document or text on stdout; progress and errors on stderr.

Tests: tests/newsreel/test_sql.py, tests/newsreel/test_bench.py.
"""

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
"""Terminal width assumed where stdout is not a terminal, so that no row wraps."""
OnProgress = Callable[[int, int, str], None]


def set_json(wanted: bool) -> None:
    """Set whether this process prints one JSON document on stdout and nothing else."""
    _state["json"] = wanted


def is_json() -> bool:
    """Whether `--json` was given."""
    return _state["json"]


def stdout() -> Console:
    """Console for results."""
    width = None if sys.stdout.isatty() else UNWRAPPED_COLUMNS
    return Console(file=sys.stdout, highlight=False, markup=False, width=width)


def say(text: str) -> None:
    """Print a line of progress or explanation on stderr."""
    print(text, file=sys.stderr, flush=True)


def emit(document: Any) -> None:
    """Print the JSON document; indented on a terminal."""
    print(
        json.dumps(document, ensure_ascii=False, default=to_json, indent=2 if sys.stdout.isatty() else None)
    )


def fail(kind: str, detail: str, *, exit_code: int) -> int:
    """Print an error on stderr, and with `--json` as a document on stdout; returns the exit code."""
    if is_json() and exit_code >= 2:
        emit({"error": {"kind": kind, "detail": detail}})
    say(f"error: {detail}")
    return exit_code


def print_table(title: str, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print a table without borders on stdout."""
    drawn = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(format_cell(value) for value in row))
    stdout().print(drawn)


def format_cell(value: Any) -> str:
    """Format a value for a table: `-` for null, floats with two decimals, lists joined by `; `."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list):
        return "; ".join(map(str, value)) or "-"
    return str(to_json(value))


def to_json(value: Any) -> str:
    """Convert a value that JSON lacks to a string: times as RFC 3339 in UTC, bytes as hex."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


@contextmanager
def progress() -> Iterator[OnProgress]:
    """Progress callback `(done, total, label)`: a bar on a terminal, elsewhere a line for each tenth."""
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
            tasks: dict[str, Any] = {}

            def update_bar(done: int, total: int, label: str) -> None:
                if label not in tasks:
                    tasks[label] = bar.add_task(label, total=total)
                bar.update(tasks[label], completed=done, total=total)

            yield update_bar
        return
    printed: dict[str, int] = {}

    def print_line(done: int, total: int, label: str) -> None:
        tenth = 10 * done // max(total, 1)
        if printed.get(label) != tenth:
            printed[label] = tenth
            say(f"{label}: {done} of {total}")

    yield print_line
