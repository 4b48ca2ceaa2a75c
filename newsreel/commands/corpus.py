"""`newsreel fingerprint` and `newsreel match`: the corpus of known videos, and partial-copy matching against it.

Tests: tests/jobs/test_match_video.py.
"""

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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The video to add.")],
    video_id: Annotated[
        str, typer.Option("--video-id", metavar="ID", help="Id of the video in the results of `match`.")
    ],
    as_json: Json = False,
) -> int:
    """Add a video to the corpus that `match` searches.

    A repeat with the same id and bytes changes nothing; other bytes replace the video.
    """
    from pipelines.inspection.fingerprints import fingerprint_file
    from stores.delta import lake

    if not IDENTIFIER.fullmatch(video_id):
        raise InputError(
            f"Invalid --video-id {video_id!r}: use 1 to 64 of the characters A-Z a-z 0-9 . _ ~ -"
        )
    tables = lake()
    tables.ensure()
    origins = tables.read("fingerprints", columns=["origin"], where={"video_id": video_id}).column("origin")
    if "ingest" in origins.to_pylist():
        raise InputError(f"Invalid --video-id {video_id}: it belongs to an ingested video; choose another id")
    with console.progress() as on_progress:
        duration_s, rows = fingerprint_file(file, on_progress=on_progress)
    corpus_rows = [{**row, "video_id": video_id, "origin": "corpus"} for row in rows]
    tables.replace("fingerprints", scope={"video_id": video_id}, rows=corpus_rows)
    if as_json:
        console.emit({"video_id": video_id, "duration_s": duration_s, "fingerprints": len(corpus_rows)})
    else:
        console.stdout().print(f"{video_id}: {len(corpus_rows)} fingerprints of {duration_s:.2f} s")
    return 0


def match(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The video to look up.")],
    as_json: Json = False,
) -> int:
    """Find copies of a video, or of parts of it, in the corpus.

    Exit status: 0 at least one match, 1 none.
    """
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
        console.print_table(str(file), columns, ([found[column] for column in columns] for found in matches))
    else:
        console.stdout().print(f"{file}: no match")
    return 0 if matches else 1
