"""What tests measure on media files, each with ffmpeg itself and not with the code under test."""

from __future__ import annotations

import hashlib
import struct
import subprocess
from pathlib import Path

from pipelines import media_tools

SAMPLE_RATE = 8_000


def decoded(path: Path, stream: str = "v") -> list[tuple[float, str]]:
    """Time in seconds and digest of each picture (or block of sound) that a strict decode gives."""
    timing = ("-fps_mode", "passthrough", "-enc_time_base", "demux") if stream == "v" else ()
    command = [
        *(media_tools.program("ffmpeg"), "-v", "error", "-nostdin", "-xerror", "-copyts", "-i", str(path)),
        *("-map", f"0:{stream}:0", *timing, "-f", "framemd5", "-"),
    ]
    output = subprocess.run(command, check=True, capture_output=True, text=True)
    assert output.stderr == "", output.stderr
    lines = output.stdout.splitlines()
    numerator, _, denominator = (
        next(line for line in lines if line.startswith("#tb 0:")).split()[-1].partition("/")
    )
    tick_s = int(numerator) / int(denominator)
    fields = [line.split(",") for line in lines if not line.startswith("#")]
    return [(int(field[2]) * tick_s, field[5].strip()) for field in fields]


def plays(path: Path) -> None:
    """All streams of a file or manifest decode strictly, without a word.

    All at once: ffmpeg's HLS demuxer complains of the streams that one leaves out. By the ffmpeg that decodes AV1.
    """
    command = [
        media_tools.program("ffmpeg-vmaf"),
        "-v",
        "error",
        "-nostdin",
        "-xerror",
        "-i",
        str(path),
        "-map",
        "0",
    ]
    output = subprocess.run([*command, "-f", "null", "-"], check=True, capture_output=True, text=True)
    assert output.stderr == "", output.stderr


def size(path: Path) -> tuple[int, int]:
    """Width and height of the pictures as they are shown, square pixels apart."""
    entries = "stream=width,height"
    command = [
        media_tools.program("ffprobe"),
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-show_entries",
        entries,
    ]
    output = subprocess.run(
        [*command, "-of", "csv=p=0", str(path)], check=True, capture_output=True, text=True
    )
    width, height = output.stdout.splitlines()[0].split(",")[:2]
    return int(width), int(height)


def samples(path: Path) -> list[float]:
    """The sound as one channel of 8000 samples a second, -1 to 1."""
    command = [
        *(media_tools.program("ffmpeg"), "-v", "error", "-i", str(path), "-map", "0:a:0"),
        *("-f", "s16le", "-ac", "1", "-ar", str(SAMPLE_RATE), "-"),
    ]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return [sample / 32_768 for (sample,) in struct.iter_unpack("<h", data)]


def loudness(path: Path, start_s: float, length_s: float) -> float:
    """Root mean square of the sound between two times, 0 to 1."""
    part = samples(path)[int(start_s * SAMPLE_RATE) : int((start_s + length_s) * SAMPLE_RATE)]
    return float((sum(sample * sample for sample in part) / max(1, len(part))) ** 0.5)


def onset_s(path: Path) -> float:
    """When sound is first heard, in seconds."""
    return next(number for number, sample in enumerate(samples(path)) if abs(sample) > 0.03) / SAMPLE_RATE


def contents(folder: Path) -> dict[str, str]:
    """Digest of each file of a folder by its relative name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
