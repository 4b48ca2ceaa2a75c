"""`newsreel ingest`, `runs`, `retry` and `cancel`: the ingest of one video.

Tests: tests/e2e/test_bad_input.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsreel import console
from newsreel.commands.options import Json
from newsreel.ingest_slots import ingest_slot
from schemas.settings import settings
from stores.media import check_readable

if TYPE_CHECKING:
    from newsreel.ingestion import Answer

LATEST_VIDEOS = 20
INTERRUPTED = {"running": "interrupted"}
"""State printed for an attempt that has no end while no process holds its video."""
EXIT_CODES = {"ready": 0, "rejected": 1, "duplicate": 1, "removed": 1}
Video = Annotated[str, typer.Argument(metavar="VIDEO", help="Id of the video.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("ingest")(ingest)
    app.command("runs")(show_runs)
    app.command("retry")(retry)
    app.command("cancel")(cancel)


def ingest(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The video to ingest.")],
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="Title that viewers see.")],
    user: Annotated[
        str,
        typer.Option("--user", metavar="NAME", help="User name of the uploader; created if unknown."),
    ] = "demo",
    as_json: Json = False,
) -> int:
    """Run the ingest DAG on a local file.

    In Airflow if `newsreel up` is running, else without it. The lake is up to date when the command returns.

    Exit status: 0 ready; 1 rejected, duplicate or removed; 3 failed.
    """
    check_readable(file)
    with ingest_slot(settings().home, console.say):
        from newsreel import ingestion

        return _print_answer(ingestion.ingest(file, title, user, console.say), as_json=as_json)


def retry(video: Video, as_json: Json = False) -> int:
    """Resume the ingest of a video.

    For one that failed, was cancelled or was interrupted. Prints and exits like `newsreel ingest`.
    """
    with ingest_slot(settings().home, console.say):
        from newsreel import ingestion

        return _print_answer(ingestion.retry(video, console.say), as_json=as_json)


def cancel(video: Video, as_json: Json = False) -> int:
    """Stop the ingest of a video.

    Its status becomes `failed`, with the reason `cancelled`; `newsreel retry` resumes it.

    Exit status: 0 cancelled, 1 the ingest had already finished.
    """
    from newsreel import cancellation

    row = cancellation.cancel(video, console.say)
    cancelled = row["status"] == "failed"
    if as_json:
        console.emit({name: row[name] for name in ("video_id", "title", "status", "reasons")})
    elif cancelled:
        console.stdout().print(f"cancelled: {row['title']}; resume with `newsreel retry {video}`")
    else:
        console.stdout().print(f"{row['status']}: {row['title']}; already finished, nothing to cancel")
    return 0 if cancelled else 1


def _print_answer(answer: Answer, *, as_json: bool) -> int:
    """Print the outcome of an ingest; returns the exit code."""
    if as_json:
        document: dict[str, Any] = {
            "video_id": answer.video_id,
            "status": answer.status,
            "reasons": answer.reasons,
            "run_id": answer.run_id,
            "playback": answer.playback,
        }
        if answer.error:
            document["error"] = {"kind": "stage", "detail": answer.error}
        console.emit(document)
    else:
        out = console.stdout()
        out.print(f"{answer.status}: video {answer.video_id}, run {answer.run_id}")
        for reason in [*answer.reasons, *([answer.error] if answer.error else [])]:
            out.print(f"  {reason}")
        if answer.playback:
            out.print(f"  {answer.playback['hls']}\n  {answer.playback['dash']}")
    return EXIT_CODES.get(answer.status, 3)


def show_runs(
    video: Annotated[
        str | None,
        typer.Argument(
            metavar="VIDEO", help=f"Id of a video; without it, the latest {LATEST_VIDEOS} videos are listed."
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Show the stages of a video's ingest, or the latest videos.

    Exit status: 0 found, 1 no such video.
    """
    from newsreel.embedded.servers import database
    from newsreel.video_registration import get_video
    from stores.delta import lake
    from stores.fence import find_holder
    from stores.postgres import connect

    with database(), connect() as connection:
        if video is None:
            latest = connection.execute(
                "SELECT video_id, title, status, reasons, created FROM videos ORDER BY created DESC LIMIT %s",
                (LATEST_VIDEOS,),
            ).fetchall()
            return _print_videos(latest, as_json=as_json)
        row = get_video(connection, video)
        stages = lake().read("pipeline_runs", where={"video_id": video}).to_pylist()
        if find_holder(connection, f"video/{video}") is None:
            stages = [{**stage, "state": INTERRUPTED.get(stage["state"], stage["state"])} for stage in stages]
    stages.sort(key=lambda stage: stage["started"])
    if as_json:
        fields = {name: row[name] for name in ("video_id", "title", "status", "reasons")}
        console.emit({**fields, "stages": stages})
        return 0
    console.stdout().print(f"{row['status']}: {row['title']} ({video})")
    for reason in row["reasons"]:
        console.stdout().print(f"  {reason}")
    columns = ("run_id", "stage", "attempt", "state", "started", "duration_s", "rows", "detail")
    console.print_table("", columns, ([stage[column] for column in columns] for stage in stages))
    return 0


def _print_videos(videos: list[dict[str, Any]], *, as_json: bool) -> int:
    if as_json:
        console.emit({"videos": videos})
    else:
        columns = ("created", "video_id", "status", "title", "reasons")
        console.print_table("", columns, ([row[column] for column in columns] for row in videos))
    return 0
