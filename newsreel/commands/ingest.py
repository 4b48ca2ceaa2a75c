"""`newsreel ingest`, `runs`, `retry` and `cancel`: a file's way into the library, and what happened on it."""

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
"""What is shown of an attempt that was never ended, where nobody works on its video now."""
EXIT_CODES = {"ready": 0, "rejected": 1, "duplicate": 1, "removed": 1}
Video = Annotated[str, typer.Argument(help="A video's id.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("ingest")(ingest)
    app.command("runs")(runs)
    app.command("retry")(retry)
    app.command("cancel")(cancel)


def ingest(
    file: Annotated[Path, typer.Argument(help="The video to bring in.")],
    title: Annotated[str, typer.Option("--title", help="What viewers will read.")],
    user: Annotated[
        str, typer.Option("--user", help="Who brings it: a user name, made if unknown.")
    ] = "demo",
    as_json: Json = False,
) -> int:
    """Run the ingest DAG on a local file: ready 0; rejected or duplicate 1; failed 3."""
    check_readable(file)
    with ingest_slot(settings().home, console.say):
        from newsreel import ingestion

        return _show(ingestion.ingest(file, title, user, console.say), as_json=as_json)


def retry(video: Video, as_json: Json = False) -> int:
    """Go on with a video that failed, was cancelled or was interrupted; answers and exits as `ingest` does."""
    with ingest_slot(settings().home, console.say):
        from newsreel import ingestion

        return _show(ingestion.retry(video, console.say), as_json=as_json)


def cancel(video: Video, as_json: Json = False) -> int:
    """Stop a video on its way: it is `failed`, with the reason `cancelled`. Exit 1 where its answer is final."""
    from newsreel import cancellation

    row = cancellation.cancel(video, console.say)
    cancelled = row["status"] == "failed"
    if as_json:
        console.emit({name: row[name] for name in ("video_id", "title", "status", "reasons")})
    else:
        said = f"cancelled: {row['title']}; `newsreel retry {video}` goes on with it"
        console.stdout().print(
            said if cancelled else f"{row['status']}: {row['title']}; there is nothing to cancel"
        )
    return 0 if cancelled else 1


def _show(answer: Answer, *, as_json: bool) -> int:
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


def runs(
    video: Annotated[str | None, typer.Argument(help="A video's id; without it, the latest videos.")] = None,
    as_json: Json = False,
) -> int:
    """Say what happened to a video stage by stage, and why; an unknown video is exit 1."""
    from newsreel.embedded.servers import database
    from newsreel.video_registration import get_video
    from stores.delta import lake
    from stores.fence import holder
    from stores.postgres import connect

    with database(), connect() as connection:
        if video is None:
            latest = connection.execute(
                "SELECT video_id, title, status, reasons, created FROM videos ORDER BY created DESC LIMIT %s",
                (LATEST_VIDEOS,),
            ).fetchall()
            return _show_videos(latest, as_json=as_json)
        row = get_video(connection, video)
        stages = lake().read("pipeline_runs", where={"video_id": video}).to_pylist()
        if holder(connection, f"video/{video}") is None:
            stages = [{**stage, "state": INTERRUPTED.get(stage["state"], stage["state"])} for stage in stages]
    stages.sort(key=lambda stage: stage["started"])
    if as_json:
        shown = {name: row[name] for name in ("video_id", "title", "status", "reasons")}
        console.emit({**shown, "stages": stages})
        return 0
    console.stdout().print(f"{row['status']}: {row['title']} ({video})")
    for reason in row["reasons"]:
        console.stdout().print(f"  {reason}")
    columns = ("run_id", "stage", "attempt", "state", "started", "duration_s", "rows", "detail")
    console.table("", columns, ([stage[column] for column in columns] for stage in stages))
    return 0


def _show_videos(latest: list[dict[str, Any]], *, as_json: bool) -> int:
    if as_json:
        console.emit({"videos": latest})
    else:
        columns = ("created", "video_id", "status", "title", "reasons")
        console.table("", columns, ([row[column] for column in columns] for row in latest))
    return 0
