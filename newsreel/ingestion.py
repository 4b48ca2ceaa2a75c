"""Ingest from the command line: register the file, run the DAG, bring the lake up to date, answer.

Tests: tests/e2e/test_main_job.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from newsreel.embedded.airflow_access import has_airflow
from newsreel.embedded.servers import database
from newsreel.ingest_slots import video_lock
from newsreel.summary import find_last_run_id
from newsreel.video_registration import find_uploader, get_video, register, reopen
from newsreel.video_runs import follow_video, run_video, run_without_stack
from schemas.dags import REFRESH_APP_ID, REFRESH_TABLES
from schemas.errors import StageError
from schemas.ids import derive_video_id
from schemas.settings import settings
from schemas.tables.videos import FINAL_STATUSES
from stores.delta import Lake, lake
from stores.media import file_digest, media
from stores.outbox import find_row
from stores.outbox.lake_sink import drain, measure_lag
from stores.postgres import connect

REFRESH_TIMEOUT_S = 600.0
POLL_S = 0.5

Say = Callable[[str], None]


@dataclass(frozen=True)
class Answer:
    """Status of a video after its ingest; `error` says why a run did not end."""

    video_id: str
    status: str
    reasons: list[str]
    run_id: str | None
    package: str | None
    error: str | None

    @property
    def playback(self) -> dict[str, str] | None:
        """Paths of the manifests on an API server; None where the video cannot be played."""
        if self.status != "ready" or not self.package:
            return None
        folder = f"/media/packages/{self.package}"
        return {"hls": f"{folder}/master.m3u8", "dash": f"{folder}/manifest.mpd"}


def ingest(path: Path, title: str, user_name: str, say: Say, *, again: bool = False) -> Answer:
    """Ingest a file: by the REST API of this HOME's Airflow where there is one, else by `dag.test()` in a child.

    The same bytes by the same user return their final answer; `again` runs the whole DAG once more. The lake holds the
    outcome when this returns. Raises InputError where the file cannot be read.
    """
    with database():
        with connect() as connection:
            registration = register(connection, media(), path, title, user_name)
        say(f"video {registration.video_id}")
        return _run_to_answer(registration.video_id, say, again=again)


def follow(video: str, say: Say) -> Answer:
    """Wait for the answer of an uploaded video, whose DAG a consumer starts; returns what `ingest` does."""
    with database():
        with connect() as connection:
            row = get_video(connection, video)
        run_id, error = find_last_run_id(lake(), video), None
        if row["status"] not in FINAL_STATUSES:
            run_id, error = follow_video(settings().home, video, say)
        return _read_answer(video, run_id, error)


def retry(video: str, say: Say) -> Answer:
    """Continue a video whose runs did not come to an answer. Raises NotFoundError."""
    with database():
        return _run_to_answer(video, say)


def _run_to_answer(video: str, say: Say, *, again: bool = False) -> Answer:
    """Run a video's DAG unless its answer is final; one run of a video at a time."""
    home, tables = settings().home, lake()
    with nullcontext() if has_airflow(home) else video_lock(home, video, say):
        with connect() as connection:
            final = reopen(connection, video)
        run_id, error = find_last_run_id(tables, video), None
        if again or not final:
            run_id, error = _run(home, tables, video, say)
        bring_up_to_date(tables, say)
        return _read_answer(video, run_id, error)


def _read_answer(video: str, run_id: str | None, error: str | None) -> Answer:
    """Read the status of a video after its run."""
    with connect() as connection:
        row = find_row(connection, "videos", {"video_id": video})
    if row is None:
        raise StageError(f"video {video} is gone from PostgreSQL")
    final = row["status"] in FINAL_STATUSES
    return Answer(
        video_id=row["video_id"],
        status=row["status"] if final else "failed",
        reasons=row["reasons"],
        run_id=run_id,
        package=row["package"],
        error=None if final else ("; ".join(row["reasons"]) or error or "the run did not end"),
    )


def _run(home: Path, tables: Lake, video: str, say: Say) -> tuple[str | None, str | None]:
    """Run the DAG; returns the run's id, and its error: one that was cut off has it in the video's row and its log."""
    try:
        return run_video(home, tables, video, say)
    except StageError as error:
        return find_last_run_id(tables, video), error.detail


def is_answered(path: Path, user_name: str) -> bool:
    """Whether this file by this user has its final answer, and the lake shows it."""
    if not path.is_file():
        return False
    with database(), connect() as connection:
        user_id = find_uploader(connection, user_name)
        if user_id is None:
            return False
        row = find_row(connection, "videos", {"video_id": derive_video_id(user_id, file_digest(path))})
        return row is not None and row["status"] in FINAL_STATUSES and is_up_to_date(lake())


def bring_up_to_date(tables: Lake, say: Say) -> None:
    """Bring every event that is settled now into the lake's tables.

    Where DAGs run on a scheduler, the lake sink and the scheduler do it, and this waits; otherwise it is done here.
    Raises StageError where that takes longer than REFRESH_TIMEOUT_S.
    """
    deadline = time.monotonic() + REFRESH_TIMEOUT_S
    while not is_up_to_date(tables):
        if not has_airflow(settings().home):
            with connect() as connection:
                drain(connection, tables)
            version = tables.version("events")
            say(f"refreshing the tables up to version {version} of `events`")
            _, error = run_without_stack(settings().home, REFRESH_TABLES, {}, say)
            if error:
                raise StageError(f"the tables could not be refreshed: {error}")
        if time.monotonic() > deadline:
            raise StageError(
                "the tables were not refreshed in time; see the refresh_tables runs in Airflow, and whether "
                "`python -m streaming.consumers` runs"
            )
        time.sleep(POLL_S)


def is_up_to_date(tables: Lake) -> bool:
    """Whether every settled event is in the tables that are derived from `events`."""
    with connect() as connection:
        if measure_lag(connection):
            return False
    return (tables.transaction_version("videos", REFRESH_APP_ID) or 0) >= tables.version("events")
