"""Progress of a long query: it runs in a thread, so that the main thread can report and be interrupted.

Tests: tests/newsreel/test_sql.py.
"""

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
"""Queries shorter than this report no progress."""
REFRESH_S = 0.5
"""Between updates of the status on a terminal."""
LINE_S = 10.0
"""Between lines where stderr is not a terminal."""
QUEUED_BATCHES = 8


def run_with_progress(ask: Callable[[], Answer]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Run a query; returns schema and batches, with elapsed time and row count on stderr while it runs.

    Raises what `ask` raises.
    """
    results: queue.Queue[Any] = queue.Queue(maxsize=QUEUED_BATCHES)
    threading.Thread(target=_produce, args=(ask, results), name="query", daemon=True).start()
    batches = _consume(results)
    schema = next(batches)
    return schema, batches


def _produce(ask: Callable[[], Answer], results: queue.Queue[Any]) -> None:
    """Put schema, batches and None, or an exception, into the queue."""
    try:
        answer = ask()
        results.put(answer.schema)
        for batch in answer.batches:
            results.put(batch)
        results.put(None)
    except BaseException as error:  # noqa: BLE001 # raised again in the main thread
        results.put(error)


def _consume(results: queue.Queue[Any]) -> Iterator[Any]:
    """Yield schema and batches from the queue."""
    reporter = _Reporter()
    rows = 0
    with reporter.status_line():
        while True:
            try:
                item = results.get(timeout=REFRESH_S)
            except queue.Empty:
                reporter.report(rows)
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, pa.RecordBatch):
                rows += item.num_rows
                reporter.report(rows)
            yield item


@dataclass
class _Reporter:
    """Status line on a terminal; elsewhere a new line every `LINE_S`."""

    started_s: float = field(default_factory=time.monotonic)
    reported_s: float = 0.0
    status: Status | None = None

    def status_line(self) -> AbstractContextManager[Any]:
        if not sys.stderr.isatty():
            return nullcontext()
        self.status = Status("running", console=Console(file=sys.stderr))
        return self.status

    def report(self, rows: int) -> None:
        now_s = time.monotonic()
        elapsed_s = now_s - self.started_s
        if elapsed_s < QUIET_S or now_s - self.reported_s < (REFRESH_S if self.status else LINE_S):
            return
        self.reported_s = now_s
        text = f"running for {elapsed_s:.0f} s" + (f", {rows:,} rows so far" if rows else "")
        if self.status:
            self.status.update(text)
        else:
            console.say(text)
