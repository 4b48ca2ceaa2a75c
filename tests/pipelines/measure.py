"""Measurements of media files for tests, each by ffmpeg itself instead of the code under test."""

from __future__ import annotations

import hashlib
import struct
import subprocess
from pathlib import Path

from pipelines import media_tools

SAMPLE_RATE = 8_000


def decode(path: Path, stream: str = "v") -> list[tuple[float, str]]:
    """Decode strictly; returns time in seconds and digest of each picture (or block of sound)."""
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


def check_playback(path: Path) -> None:
    """Assert that all streams of a file or manifest decode strictly, without any message.

    All at once: ffmpeg's HLS demuxer complains about streams that are not mapped. With the ffmpeg that decodes AV1.
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


def measure_size(path: Path) -> tuple[int, int]:
    """Width and height of the stored pictures, in pixels."""
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


def read_samples(path: Path) -> list[float]:
    """Read the sound as one channel of 8000 samples per second, -1 to 1."""
    command = [
        *(media_tools.program("ffmpeg"), "-v", "error", "-i", str(path), "-map", "0:a:0"),
        *("-f", "s16le", "-ac", "1", "-ar", str(SAMPLE_RATE), "-"),
    ]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return [sample / 32_768 for (sample,) in struct.iter_unpack("<h", data)]


def measure_loudness(path: Path, start_s: float, length_s: float) -> float:
    """Root mean square of the sound between two times, 0 to 1."""
    part = read_samples(path)[int(start_s * SAMPLE_RATE) : int((start_s + length_s) * SAMPLE_RATE)]
    return float((sum(sample * sample for sample in part) / max(1, len(part))) ** 0.5)


def find_onset_s(path: Path) -> float:
    """Find when sound starts, in seconds."""
    return (
        next(number for number, sample in enumerate(read_samples(path)) if abs(sample) > 0.03) / SAMPLE_RATE
    )


def digest_folder(folder: Path) -> dict[str, str]:
    """Digest each file of a folder, by its relative name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
