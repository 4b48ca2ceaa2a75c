"""A question that may take long: it is asked in a thread, so that its progress is told and an interrupt is heard."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.status import Status

from newsreel import console
from stores.delta.answer import Answer

QUIET_S = 2.0
"""Shorter ones need no word."""
TOLD_S = 0.5
LINE_S = 10.0
"""Between lines where nobody sees them change."""
HELD_BATCHES = 8


def answered(ask: Callable[[], Answer]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The answer's columns and its rows, while a line on stderr says for how long, and how many rows there are.

    Raises what asking raises.
    """
    made: queue.Queue[Any] = queue.Queue(maxsize=HELD_BATCHES)
    threading.Thread(target=_make, args=(ask, made), name="question", daemon=True).start()
    batches = _told(made)
    schema = next(batches)
    return schema, batches


def _make(ask: Callable[[], Answer], made: queue.Queue[Any]) -> None:
    try:
        found = ask()
        made.put(found.schema)
        for batch in found.batches:
            made.put(batch)
        made.put(None)
    except BaseException as error:  # noqa: BLE001 # raised again where it was asked
        made.put(error)


def _told(made: queue.Queue[Any]) -> Iterator[Any]:
    teller = _Teller()
    rows = 0
    with teller.line():
        while True:
            try:
                found = made.get(timeout=TOLD_S)
            except queue.Empty:
                teller.tell(rows)
                continue
            if found is None:
                return
            if isinstance(found, BaseException):
                raise found
            if isinstance(found, pa.RecordBatch):
                rows += found.num_rows
                teller.tell(rows)
            yield found


@dataclass
class _Teller:
    """A line that changes on a terminal, a new one now and then elsewhere."""

    begun_s: float = field(default_factory=time.monotonic)
    told_s: float = 0.0
    status: Status | None = None

    def line(self) -> AbstractContextManager[Any]:
        if not sys.stderr.isatty():
            return nullcontext()
        self.status = Status("asking", console=Console(file=sys.stderr))
        return self.status

    def tell(self, rows: int) -> None:
        now_s = time.monotonic()
        took_s = now_s - self.begun_s
        if took_s < QUIET_S or now_s - self.told_s < (TOLD_S if self.status else LINE_S):
            return
        self.told_s = now_s
        said = f"asking for {took_s:.0f} s" + (f", {rows:,} rows so far" if rows else "")
        if self.status:
            self.status.update(said)
        else:
            console.say(said)
