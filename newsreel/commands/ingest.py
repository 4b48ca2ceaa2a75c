"""`newsreel ingest` and `newsreel runs`: a file's way into the library, and what happened on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from newsreel import console
from schemas.errors import NotFoundError

LATEST_VIDEOS = 20
EXIT_CODES = {"ready": 0, "rejected": 1, "duplicate": 1, "removed": 1}
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("ingest")(ingest)
    app.command("runs")(runs)


def ingest(
    file: Annotated[Path, typer.Argument(help="The video to bring in.")],
    title: Annotated[str, typer.Option("--title", help="What viewers will read.")],
    user: Annotated[
        str, typer.Option("--user", help="Who brings it: a user name, made if unknown.")
    ] = "demo",
    as_json: Json = False,
) -> int:
    """Run the ingest DAG on a local file: ready 0; rejected or duplicate 1; failed 3."""
    from newsreel import ingestion

    answer = ingestion.ingest(file, title, user, console.say)
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
    from newsreel.servers import database
    from stores.delta import lake
    from stores.outbox import find
    from stores.postgres import connect

    with database(), connect() as connection:
        if video is None:
            latest = connection.execute(
                "SELECT video_id, title, status, reasons, created FROM videos ORDER BY created DESC LIMIT %s",
                (LATEST_VIDEOS,),
            ).fetchall()
            return _show_videos(latest, as_json=as_json)
        row = find(connection, "videos", {"video_id": video})
        if row is None:
            raise NotFoundError(f"no video {video!r}; `newsreel runs` lists the latest")
        stages = lake().read("pipeline_runs", where={"video_id": video}).to_pylist()
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
