"""`newsreel inspect`, `newsreel digest` and `newsreel encode`: one file, without a DAG.

Tests: tests/pipelines/inspection/test_digests.py, tests/pipelines/encoding/test_encode_file.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from newsreel import console
from newsreel.commands.options import Json
from schemas.errors import InputError

Workers = Annotated[
    int, typer.Option("--workers", min=1, max=256, metavar="N", help="Chunks processed in parallel.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("inspect")(inspect)
    app.command("digest")(digest)
    app.command("encode")(encode)


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The video to inspect.")],
    digests: Annotated[
        Path | None,
        typer.Option(
            "--digests", metavar="MANIFEST", help="Manifest that `newsreel digest` wrote of the intact file."
        ),
    ] = None,
    workers: Workers = 2,
    as_json: Json = False,
) -> int:
    """Decode a video strictly and list its faults.

    Exit status: 0 accept, 1 reject.
    """
    from pipelines.inspection.inspection import inspect_file

    with console.progress() as on_progress:
        report = inspect_file(file, workers=workers, on_progress=on_progress, manifest=digests)
    if as_json:
        console.emit(report)
    else:
        duration_s = console.format_cell(report["duration_s"])
        console.stdout().print(f"{report['verdict']}: {file} ({duration_s} s, {report['chunks']} chunks)")
        if report["faults"]:
            columns = ("severity", "kind", "start_s", "end_s", "byte_start", "byte_end", "detail")
            rows = ([fault[column] for column in columns] for fault in report["faults"])
            console.print_table("", columns, rows)
    return 0 if report["verdict"] == "accept" else 1


def digest(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Any file.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="MANIFEST", help="Write the manifest here, for `inspect --digests`."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Record a digest of each chunk of a file.

    With the manifest, `newsreel inspect --digests` reports every byte range that has changed since.
    """
    from pipelines.inspection.digests import digest_file, write_manifest

    if out is not None and out.exists() and file.exists() and out.samefile(file):
        raise InputError(f"Invalid --out {out}: it is the input file; choose another path")
    with console.progress() as on_progress:
        manifest = digest_file(file, on_progress)
    if out is not None:
        write_manifest(out, manifest)
    if as_json:
        console.emit(manifest.as_document())
    else:
        chunks = f"{len(manifest.digests)} digests of up to {manifest.chunk_bytes} bytes"
        console.stdout().print(f"{file}: {manifest.size_bytes} bytes, sha256 {manifest.sha256}, {chunks}")
        if out is not None:
            console.stdout().print(f"  newsreel inspect FILE --digests {out}")
    return 0


def encode(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The video to encode.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of the package; overwritten by a repeat.")
    ],
    codecs: Annotated[
        str,
        typer.Option("--codecs", metavar="LIST", help="Comma-separated codecs out of h264, hevc, vp9, av1."),
    ] = "h264",
    workers: Workers = 2,
    as_json: Json = False,
) -> int:
    """Encode a video into a verified HLS and DASH package.

    Encoded chunks are cached under NEWSREEL_HOME by content and settings, so that a repeat encodes nothing again.
    """
    from pipelines.encoding.encode_file import encode_file

    names = [name.strip() for name in codecs.split(",") if name.strip()]
    with console.progress() as on_progress:
        report = encode_file(file, out, codecs=names, workers=workers, on_progress=on_progress)
    if as_json:
        console.emit(report)
    else:
        _print_package(report)
    return 0


def _print_package(report: dict[str, Any]) -> None:
    columns = ("codec", "width", "height", "bitrate_bps", "peak_bps", "frames", "vmaf")
    console.print_table(
        f"{report['out']}: {report['frames']} frames, {console.format_cell(report['duration_s'])} s",
        columns,
        ([rendition[column] for column in columns] for rendition in report["renditions"]),
    )
    console.stdout().print(
        f"{report['hls']} (HLS), {report['dash']} (DASH); "
        f"{report['encoded_chunks']} chunks encoded, {report['reused_chunks']} reused"
    )
