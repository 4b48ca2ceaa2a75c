"""`newsreel inspect`, `newsreel digest` and `newsreel encode`: one file, without a DAG."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from newsreel import console
from newsreel.commands.options import Json
from schemas.errors import InputError

Workers = Annotated[int, typer.Option("--workers", min=1, max=256, help="Chunks at work at once.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("inspect")(inspect)
    app.command("digest")(digest)
    app.command("encode")(encode)


def inspect(
    file: Annotated[Path, typer.Argument(help="The video to look at.")],
    digests: Annotated[
        Path | None,
        typer.Option("--digests", help="What `newsreel digest` recorded of it while it was sound."),
    ] = None,
    workers: Workers = 2,
    as_json: Json = False,
) -> int:
    """Decode a file strictly, chunk by chunk, and say whether it can be accepted: accept 0, reject 1."""
    from pipelines.inspection.inspection import inspect_file

    with console.progress() as on_progress:
        report = inspect_file(file, workers=workers, on_progress=on_progress, manifest=digests)
    if as_json:
        console.emit(report)
    else:
        console.stdout().print(
            f"{report['verdict']}: {file} ({console.cell(report['duration_s'])} s, {report['chunks']} chunks)"
        )
        if report["faults"]:
            columns = ("severity", "kind", "start_s", "end_s", "byte_start", "byte_end", "detail")
            console.table("", columns, ([fault[column] for column in columns] for fault in report["faults"]))
    return 0 if report["verdict"] == "accept" else 1


def digest(
    file: Annotated[Path, typer.Argument(help="Any file.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write the manifest, for `inspect --digests`.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Record a digest of each part of a file, so that `inspect --digests` finds every byte that changes later."""
    from pipelines.inspection.digests import digest_file, write_manifest

    if out is not None and out.exists() and file.exists() and out.samefile(file):
        raise InputError(f"--out {out}: is the file itself; name another")
    with console.progress() as on_progress:
        manifest = digest_file(file, on_progress)
    if out is not None:
        write_manifest(out, manifest)
    if as_json:
        console.emit(manifest.as_document())
    else:
        parts = f"{len(manifest.digests)} digests of up to {manifest.chunk_bytes} bytes"
        console.stdout().print(f"{file}: {manifest.size_bytes} bytes, sha256 {manifest.sha256}, {parts}")
        if out is not None:
            console.stdout().print(f"  newsreel inspect FILE --digests {out}")
    return 0


def encode(
    file: Annotated[Path, typer.Argument(help="The video to encode.")],
    out: Annotated[Path, typer.Option("--out", help="The package's folder; a repeat replaces it.")],
    codecs: Annotated[
        str, typer.Option("--codecs", help="h264, hevc, vp9, av1, separated by commas.")
    ] = "h264",
    workers: Workers = 2,
    as_json: Json = False,
) -> int:
    """Make a verified HLS and DASH package of a file."""
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
    console.table(
        f"{report['out']}: {report['frames']} frames, {console.cell(report['duration_s'])} s",
        columns,
        ([rendition[column] for column in columns] for rendition in report["renditions"]),
    )
    console.stdout().print(
        f"{report['hls']} (HLS), {report['dash']} (DASH); "
        f"{report['encoded_chunks']} chunks encoded, {report['reused_chunks']} reused"
    )
