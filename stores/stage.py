"""Stage attempts: arguments, record in `pipeline_runs`, fence, outcome, and death with the parent process."""

from __future__ import annotations

import argparse
import ctypes
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from schemas.errors import ConflictError, NewsreelError, StorageError
from stores.delta import lake
from stores.fence import OF_VIDEO, Claim, fenced
from stores.files import write_atomically
from stores.free_space import require_working_space

PR_SET_PDEATHSIG = 1
TABLES_SCOPE = "refresh"
"""Fence of the programs that write the tables derived from events: one at a time."""
DETAIL_CHARACTERS = 2_000


@dataclass(frozen=True)
class StageArguments:
    """Arguments of a stage program; `rest` is for its engine."""

    run_id: str
    attempt: int
    video_id: str | None
    outcome: Path | None
    rest: list[str]
    given_day: date | None = None
    """The day, UTC, of the run, if it has one."""

    @property
    def video(self) -> str:
        """The video's id. Raises SystemExit without one."""
        if not self.video_id:
            raise SystemExit("error: --video-id is required")
        return self.video_id

    @property
    def day(self) -> date:
        """The day, UTC. Raises SystemExit without one."""
        if not self.given_day:
            raise SystemExit("error: --day is required")
        return self.given_day


@dataclass
class StageAttempt:
    """Result of a stage, set in its block and recorded at the end of it."""

    rows: int | None = None
    detail: str | None = None
    next: list[str] = field(default_factory=list)
    refused: bool = False


def stage_arguments(argv: Sequence[str] | None = None) -> StageArguments:
    """Parse the arguments that every stage program takes; unknown ones are kept for the engine."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--attempt", type=int, default=1)
    parser.add_argument("--video-id")
    parser.add_argument("--outcome", type=Path)
    parser.add_argument("--day", type=date.fromisoformat, help="UTC, as 2026-11-23")
    known, rest = parser.parse_known_args(argv)
    return StageArguments(known.run_id, known.attempt, known.video_id, known.outcome, rest, known.day)


@contextmanager
def stage_attempt(
    stage: str,
    arguments: StageArguments,
    *,
    scope: str | None = None,
    opens: bool = False,
    waits_s: float = 0.0,
    frees_space: bool = False,
) -> Iterator[StageAttempt]:
    """Run a stage's block as one recorded attempt that holds its fence; on a known error print one line and exit 1.

    `opens`: this stage begins a run, and may take the scope over from an earlier run, at once or, with `waits_s`, after
    waiting up to so many seconds for its end. `scope`: of the fence; by default the video's, or the stage's own. The
    process is killed when its parent dies, so that no task leaves an engine behind. Unless it
    `frees_space`, it is refused while too little of a disk is free.
    """
    die_with_parent()
    own = f"{OF_VIDEO}{arguments.video_id}" if arguments.video_id else stage
    claim = Claim(scope or own, arguments.run_id, stage, arguments.attempt, opens, waits_s)
    with _one_line_errors(), fenced(claim):
        yield from _record(stage, arguments, frees_space=frees_space)


def _record(stage: str, arguments: StageArguments, *, frees_space: bool) -> Iterator[StageAttempt]:
    started, clock = datetime.now(UTC), time.monotonic()
    record: dict[str, Any] = {
        "run_id": arguments.run_id,
        "stage": stage,
        "attempt": arguments.attempt,
        "video_id": arguments.video_id,
        "state": "running",
        "started": started,
    }
    own = (arguments.run_id, arguments.attempt)
    mark_lost({"stage": stage} | ({"video_id": arguments.video_id} if arguments.video_id else {}), but=own)
    lake().merge("pipeline_runs", [record])
    attempt = StageAttempt()

    def close(state: str) -> None:
        end = {"ended": datetime.now(UTC), "duration_s": round(time.monotonic() - clock, 3)}
        result = {
            "state": state,
            "rows": attempt.rows,
            "detail": (attempt.detail or "")[:DETAIL_CHARACTERS] or None,
        }
        lake().merge("pipeline_runs", [{**record, **end, **result}])

    try:
        if not frees_space:
            require_working_space()
        yield attempt
    except BaseException as error:
        attempt.detail = _describe(error) or f"{type(error).__name__}: {error}"
        # Overtaken, or the disk is full: the first error is the one to report.
        with suppress(ConflictError, StorageError, OSError):
            close("failed")
        raise
    close("refused" if attempt.refused else "succeeded")
    if arguments.outcome:
        _write_outcome(arguments.outcome, attempt)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """End the program with one line and exit 1 on a known error; others keep their traceback."""
    try:
        yield
    except Exception as error:
        detail = _describe(error)
        if detail is None:
            raise
        print(f"error: {detail}", file=sys.stderr)
        raise SystemExit(1) from error


def _describe(error: BaseException) -> str | None:
    if isinstance(error, OSError):
        return StorageError.from_os_error(error).detail
    return error.detail if isinstance(error, NewsreelError) else None


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def mark_lost(
    which: Mapping[str, str], *, but: tuple[str, int] | None = None, detail: str = "its process was killed"
) -> None:
    """Record attempts whose state is `running` as lost: their processes are gone.

    `which`: equalities; `but`: run id and attempt of the one that does run.
    """
    earlier = lake().read("pipeline_runs", where=which).to_pylist()
    lost = [row for row in earlier if row["state"] == "running" and (row["run_id"], row["attempt"]) != but]
    if lost:
        lake().merge("pipeline_runs", [{**row, "state": "lost", "detail": detail} for row in lost])


def _write_outcome(path: Path, attempt: StageAttempt) -> None:
    outcome = {"next": attempt.next, "rows": attempt.rows, "detail": attempt.detail}
    write_atomically(path, json.dumps(outcome))
