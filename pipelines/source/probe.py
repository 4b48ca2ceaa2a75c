"""Probe of a file by ffprobe: the source that it holds, or the fault that makes it unfit.

Tests: tests/pipelines/source/test_source.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipelines import media_tools
from pipelines.source import faults
from pipelines.source.containers import Structure, read_structure
from pipelines.source.faults import Fault, UnfitSourceError
from pipelines.source.packets import CONTENT_HASH, PROBE_TIMEOUT_S, read_packets
from pipelines.source.source import Audio, Source, Video
from schemas.errors import InputError

STILL_NAMES = frozenset(media_tools.STILL_FORMATS.split(","))
ONE_PICTURE_IS_STILL = frozenset({"gif", "apng", "mjpeg"})
CONFIGURES = (
    *("codec_name", "width", "height", "pix_fmt", "extradata_size", "extradata_hash", "side_data_list"),
    *("color_range", "color_space", "color_transfer", "color_primaries", "chroma_location"),
    *("sample_fmt", "sample_rate", "channels", "channel_layout", "initial_padding"),
)
"""Fields of an ffprobe stream that affect what its packets decode to."""


def probe(path: Path) -> Source:
    """Probe a file for its streams.

    Raises InputError if the path cannot be read, UnfitSourceError (with the fault) if there is nothing to play.
    """
    size = measure_readable(path)
    if not size:
        raise UnfitSourceError(path, Fault(faults.EMPTY, "the file is empty: 0 bytes"))
    shape = read_structure(path)
    probed = _read_streams(path)
    if probed is None:
        raise UnfitSourceError(path, _explain_unprobed(size, shape))
    formats = tuple(probed["format"]["format_name"].split(","))
    streams = probed.get("streams", [])
    if STILL_NAMES.intersection(formats) or shape.still:
        raise _build_still_error(path, formats)
    video = next((_parse_video(stream) for stream in streams if _is_picture(stream)), None)
    audio = next((_parse_audio(stream) for stream in streams if _is_sound(stream)), None)
    if video is None and audio is None:
        raise UnfitSourceError(
            path, Fault(faults.NOT_A_VIDEO, "the file has neither a video nor an audio stream")
        )
    source = Source(path, size, formats, _parse_duration_s(probed["format"], formats), video, audio, shape)
    if ONE_PICTURE_IS_STILL.intersection(formats) and len(read_packets(source)) < 2:
        raise _build_still_error(path, formats)
    return source


def measure_readable(path: Path) -> int:
    """Size of a regular, readable file, in bytes. Raises InputError for anything else.

    A pipe or a device is refused before it is opened: reading it could block forever.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(
                f"{path}: not a regular file (a folder, pipe or device); give the path of a file"
            )
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _read_streams(path: Path) -> dict[str, Any] | None:
    """Format and streams, or None if no allowed demuxer can open the file."""
    command = [
        *media_tools.source_probe(),
        "-show_format",
        "-show_streams",
        "-show_data_hash",
        CONTENT_HASH,
        "-of",
        "json",
        media_tools.file_url(path),
    ]
    finished, output = media_tools.run(
        command, consume=lambda stdout: stdout.read(), timeout_s=PROBE_TIMEOUT_S
    )
    probed: dict[str, Any] = json.loads(output or b"{}")
    return None if finished.status or "format" not in probed else probed


def _build_still_error(path: Path, formats: tuple[str, ...]) -> UnfitSourceError:
    return UnfitSourceError(path, Fault(faults.STILL_PICTURE, f"the file is a still picture ({formats[0]})"))


def _explain_unprobed(size: int, shape: Structure) -> Fault:
    """The fault of a file that no demuxer opens: its first bytes tell a broken video from anything else."""
    if shape.family is None:
        return Fault(faults.NOT_A_VIDEO, "no picture or sound found in the file; provide a video")
    if shape.missing_bytes or not shape.indexed:
        lost = (
            f"{shape.missing_bytes} bytes are missing"
            if shape.missing_bytes
            else "its index (moov) is missing"
        )
        return Fault(
            faults.TRUNCATED,
            f"the file was cut off: {lost}; provide a complete copy",
            byte_start=0,
            byte_end=size,
        )
    return Fault(
        faults.UNREADABLE,
        "the file's index cannot be read; provide an intact copy",
        byte_start=0,
        byte_end=size,
    )


def _parse_duration_s(format_: dict[str, Any], formats: tuple[str, ...]) -> float:
    """Matroska writes the end of the last packet, counted from zero instead of from the first packet."""
    duration_s, start_s = float(format_.get("duration") or 0.0), float(format_.get("start_time") or 0.0)
    return max(0.0, duration_s - start_s) if "matroska" in formats else duration_s


def _is_picture(stream: dict[str, Any]) -> bool:
    """Whether the stream is a video; cover pictures are not."""
    cover = stream.get("disposition", {}).get("attached_pic") or stream.get("disposition", {}).get(
        "still_image"
    )
    return stream.get("codec_type") == "video" and not cover and bool(stream.get("width"))


def _is_sound(stream: dict[str, Any]) -> bool:
    return stream.get("codec_type") == "audio" and bool(int(stream.get("channels") or 0))


def _parse_video(stream: dict[str, Any]) -> Video:
    rotation = next((data["rotation"] for data in stream.get("side_data_list", []) if "rotation" in data), 0)
    return Video(
        index=stream["index"],
        codec=stream.get("codec_name", "unknown"),
        width=stream["width"],
        height=stream["height"],
        sample_aspect=_parse_ratio(stream.get("sample_aspect_ratio", "1:1").replace(":", "/")) or Fraction(1),
        rotation=round(-float(rotation) / 90) * 90 % 360,
        time_base=Fraction(stream["time_base"]),
        frame_rate=_parse_ratio(stream.get("avg_frame_rate"))
        or _parse_ratio(stream.get("r_frame_rate"))
        or Fraction(25),
        interlaced=stream.get("field_order", "unknown") in ("tt", "bb", "tb", "bt"),
        nal_length_bytes=int(stream.get("nal_length_size") or 0) if stream.get("is_avc") == "true" else 0,
        configuration=_digest_configuration(stream),
    )


def _parse_audio(stream: dict[str, Any]) -> Audio:
    return Audio(
        index=stream["index"],
        codec=stream.get("codec_name", "unknown"),
        channels=int(stream["channels"]),
        sample_rate=int(stream.get("sample_rate") or 48_000),
        start_s=float(stream.get("start_time") or 0.0),
        time_base=Fraction(stream["time_base"]),
        configuration=_digest_configuration(stream),
    )


def _digest_configuration(stream: dict[str, Any]) -> str:
    """Fields that differ between containers of the same stream (tags, ids, lengths, rates) are left out."""
    fields = {name: stream[name] for name in CONFIGURES if name in stream}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _parse_ratio(text: str | None) -> Fraction | None:
    """A positive ratio, or None if unknown ("0/0", "0:1", "N/A")."""
    try:
        value = Fraction(text or "0")
    except (ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None
