"""`newsreel fingerprint` and `newsreel match`: what is already here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newsreel import console
from newsreel.commands.options import Json
from schemas.errors import InputError
from schemas.rows import IDENTIFIER


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("fingerprint")(fingerprint)
    app.command("match")(match)


def fingerprint(
    file: Annotated[Path, typer.Argument(help="The video to add.")],
    video_id: Annotated[str, typer.Option("--video-id", help="The id under which matches will name it.")],
    as_json: Json = False,
) -> int:
    """Add a video to the corpus that `match` compares with; other bytes under the same id replace it."""
    from pipelines.inspection.fingerprints import fingerprint_file
    from stores.delta import lake

    if not IDENTIFIER.fullmatch(video_id):
        raise InputError(f"--video-id {video_id!r}: 1 to 64 of the characters A-Z a-z 0-9 . _ ~ - are needed")
    tables = lake()
    tables.ensure()
    held = tables.read("fingerprints", columns=["origin"], where={"video_id": video_id}).column("origin")
    if "ingest" in held.to_pylist():
        raise InputError(f"--video-id {video_id}: is a video that was ingested; choose another id")
    with console.progress() as on_progress:
        duration_s, rows = fingerprint_file(file, on_progress=on_progress)
    owned = [{**row, "video_id": video_id, "origin": "corpus"} for row in rows]
    tables.replace("fingerprints", scope={"video_id": video_id}, rows=owned)
    if as_json:
        console.emit({"video_id": video_id, "duration_s": duration_s, "fingerprints": len(owned)})
    else:
        console.stdout().print(f"{video_id}: {len(owned)} fingerprints of {duration_s:.2f} s")
    return 0


def match(
    file: Annotated[Path, typer.Argument(help="The video to look for.")],
    as_json: Json = False,
) -> int:
    """Say whether a file, or part of it, is already here: match 0, none 1."""
    from jobs.match_video import match_fingerprints
    from newsreel.embedded.servers import database
    from pipelines.inspection.fingerprints import fingerprint_file

    with database():
        with console.progress() as on_progress:
            duration_s, rows = fingerprint_file(file, on_progress=on_progress)
        matches = match_fingerprints(rows, duration_s)
    if as_json:
        console.emit({"file": str(file), "matches": matches})
    elif matches:
        columns = (
            "video_id", "kind", "score", "query_start_s", "query_end_s", "reference_start_s", "reference_end_s",
        )  # fmt: skip
        console.table(str(file), columns, ([found[column] for column in columns] for found in matches))
    else:
        console.stdout().print(f"{file}: nothing like it is here")
    return 0 if matches else 1
