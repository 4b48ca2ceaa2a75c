"""A source file as ffprobe sees it: its picture, its sound, its packets, or why it is neither."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

from pipelines import media_tools
from pipelines.source import faults
from pipelines.source.containers import Structure, structure
from pipelines.source.faults import Fault, UnfitSourceError
from schemas.errors import InputError

PROBE_TIMEOUT_S = 600.0
STILL_NAMES = frozenset(media_tools.STILL_FORMATS.split(","))
ONE_PICTURE_IS_STILL = frozenset({"gif", "apng", "mjpeg"})
CONTENT_HASH = "SHA512/256"
"""How ffprobe names what a packet holds: 256 bits, at about twice the speed of SHA-256."""

CONFIGURES = (
    *("codec_name", "width", "height", "pix_fmt", "extradata_size", "extradata_hash", "side_data_list"),
    *("color_range", "color_space", "color_transfer", "color_primaries", "chroma_location"),
    *("sample_fmt", "sample_rate", "channels", "channel_layout", "initial_padding"),
)
"""What ffprobe tells of a stream that has a part in what its packets decode to."""

NO_SOFTWARE_DECODER = frozenset({"av1"})
"""Codecs that the first ffmpeg cannot decode, and the second can."""


@dataclass(frozen=True)
class Video:
    """The first real video stream. Sizes are as stored; `rotation` is clockwise degrees to show it upright.

    `nal_length_bytes`: H.264 units have lengths of so many bytes in front (ISO/IEC 14496-15); 0 where they have not.
    `configuration`: all that the container tells a decoder apart from the packets (codec, size, colour, parameter
    sets), as one digest.
    """

    index: int
    codec: str
    width: int
    height: int
    sample_aspect: Fraction
    rotation: int
    time_base: Fraction
    frame_rate: Fraction
    interlaced: bool
    nal_length_bytes: int
    configuration: str

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height in square pixels, upright; never more lines than are stored."""
        width, height = Fraction(self.width), Fraction(self.height)
        width *= self.sample_aspect
        if self.rotation in (90, 270):
            width, height = height, width
        return round(width), round(height)

    @property
    def decoder(self) -> str:
        """Which ffmpeg decodes it, as `media_tools.program` names it."""
        return "ffmpeg-vmaf" if self.codec in NO_SOFTWARE_DECODER else "ffmpeg"


@dataclass(frozen=True)
class Audio:
    """The first audio stream; `start_s` on the source's own clock, `configuration` as of a video."""

    index: int
    codec: str
    channels: int
    sample_rate: int
    start_s: float
    time_base: Fraction
    configuration: str


@dataclass(frozen=True)
class Source:
    """What is known of a file before anything is decoded. At least one of `video` and `audio` is there."""

    path: Path
    size_bytes: int
    formats: tuple[str, ...]
    duration_s: float
    video: Video | None
    audio: Audio | None
    structure: Structure


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet, times in ticks of the stream's time base, `position` in bytes; None where not written.

    `content`: a digest of its bytes.
    """

    pts: int | None
    dts: int | None
    duration: int | None
    size: int
    position: int | None
    key: bool
    discard: bool
    content: str


def probe(path: Path) -> Source:
    """What a file holds.

    Raises InputError where the path cannot be read, UnfitSourceError (with the fault) where there is nothing to play.
    """
    size = readable_size(path)
    if not size:
        raise UnfitSourceError(path, Fault(faults.EMPTY, "the file is empty: 0 bytes"))
    shape = structure(path)
    found = _show(path)
    if found is None:
        raise UnfitSourceError(path, _unprobed(size, shape))
    formats = tuple(found["format"]["format_name"].split(","))
    streams = found.get("streams", [])
    if STILL_NAMES.intersection(formats) or shape.still:
        raise _still(path, formats)
    video = next((_video(stream) for stream in streams if _is_picture(stream)), None)
    audio = next((_audio(stream) for stream in streams if _is_sound(stream)), None)
    if video is None and audio is None:
        raise UnfitSourceError(path, Fault(faults.NOT_A_VIDEO, "the file has neither picture nor sound"))
    source = Source(path, size, formats, _duration_s(found["format"], formats), video, audio, shape)
    if ONE_PICTURE_IS_STILL.intersection(formats) and len(read_packets(source)) < 2:
        raise _still(path, formats)
    return source


def read_packets(source: Source) -> list[Packet]:
    """The packets of the picture, in decoding order; empty where there is only sound. Reads the whole file once."""
    if source.video is None:
        return []
    entries = "packet=pts,dts,duration,size,pos,flags,data_hash"
    command = packet_command(source.path, source.video.index, entries)
    _, packets = media_tools.run(command, consume=_packets, timeout_s=PROBE_TIMEOUT_S)
    return packets


def packet_command(path: Path, index: int, entries: str) -> list[str]:
    """The ffprobe command that lists a stream's packets, one a line: name=value, parted by bars."""
    return [
        *_ffprobe(),
        *("-select_streams", str(index), "-show_data_hash", CONTENT_HASH, "-show_entries", entries),
        *("-of", "compact=p=0", media_tools.safe_name(path)),
    ]


def _packets(stdout: IO[bytes]) -> list[Packet]:
    """One packet a line: name=value, parted by bars; side data may follow and are left out."""
    packets = []
    for line in stdout:
        written = dict(
            field.split("=", 1) for field in line.decode(errors="replace").strip().split("|") if "=" in field
        )
        if "flags" in written:
            packets.append(_packet(written))
    return packets


def _packet(written: dict[str, str]) -> Packet:
    return Packet(
        pts=_whole(written.get("pts")),
        dts=_whole(written.get("dts")),
        duration=_whole(written.get("duration")),
        size=int(written["size"]),
        position=_whole(written.get("pos")),
        key="K" in written["flags"],
        discard="D" in written["flags"],
        content=written.get("data_hash", "").rpartition(":")[2],
    )


def _whole(text: str | None) -> int | None:
    return None if text in (None, "N/A") else int(text)


def readable_size(path: Path) -> int:
    """Size of a file in bytes. Raises InputError where it cannot be read.

    A pipe or a device is refused before it is opened: reading it could wait for ever.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: is no file (a folder, pipe or device); give a file")
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _ffprobe() -> list[str]:
    formats = f"{media_tools.MOVING_FORMATS},{media_tools.STILL_FORMATS}"
    allowed = ("-protocol_whitelist", media_tools.SAFE_PROTOCOLS, "-format_whitelist", formats)
    return [media_tools.program("ffprobe"), "-hide_banner", "-v", "error", *allowed]


def _show(path: Path) -> dict[str, Any] | None:
    """Format and streams, or None where no allowed demuxer can open the file."""
    command = [
        *_ffprobe(),
        "-show_format",
        "-show_streams",
        "-show_data_hash",
        CONTENT_HASH,
        "-of",
        "json",
        media_tools.safe_name(path),
    ]
    finished, output = media_tools.run(
        command, consume=lambda stdout: stdout.read(), timeout_s=PROBE_TIMEOUT_S
    )
    found: dict[str, Any] = json.loads(output or b"{}")
    return None if finished.status or "format" not in found else found


def _still(path: Path, formats: tuple[str, ...]) -> UnfitSourceError:
    return UnfitSourceError(path, Fault(faults.STILL_PICTURE, f"the file is a still picture ({formats[0]})"))


def _unprobed(size: int, shape: Structure) -> Fault:
    """Why a file that no demuxer opens is refused: its first bytes tell a broken video from something else."""
    if shape.family is None:
        return Fault(faults.NOT_A_VIDEO, "the file is no video: nothing in it reads as picture or sound")
    if shape.missing_bytes or not shape.indexed:
        lost = (
            f"{shape.missing_bytes} bytes are missing"
            if shape.missing_bytes
            else "its index (moov) is missing"
        )
        return Fault(
            faults.TRUNCATED, f"the file was cut off: {lost}; bring it again", byte_start=0, byte_end=size
        )
    return Fault(
        faults.UNREADABLE, "the file's index cannot be read; bring it again", byte_start=0, byte_end=size
    )


def _duration_s(written: dict[str, Any], formats: tuple[str, ...]) -> float:
    """Matroska writes the end of the last packet, counted from zero and not from the first packet."""
    duration_s, start_s = float(written.get("duration") or 0.0), float(written.get("start_time") or 0.0)
    return max(0.0, duration_s - start_s) if "matroska" in formats else duration_s


def _is_picture(stream: dict[str, Any]) -> bool:
    """A cover picture is no video."""
    cover = stream.get("disposition", {}).get("attached_pic") or stream.get("disposition", {}).get(
        "still_image"
    )
    return stream.get("codec_type") == "video" and not cover and bool(stream.get("width"))


def _is_sound(stream: dict[str, Any]) -> bool:
    return stream.get("codec_type") == "audio" and bool(int(stream.get("channels") or 0))


def _video(stream: dict[str, Any]) -> Video:
    turned = next((data["rotation"] for data in stream.get("side_data_list", []) if "rotation" in data), 0)
    return Video(
        index=stream["index"],
        codec=stream.get("codec_name", "unknown"),
        width=stream["width"],
        height=stream["height"],
        sample_aspect=_ratio(stream.get("sample_aspect_ratio", "1:1").replace(":", "/")) or Fraction(1),
        rotation=round(-float(turned) / 90) * 90 % 360,
        time_base=Fraction(stream["time_base"]),
        frame_rate=_ratio(stream.get("avg_frame_rate")) or _ratio(stream.get("r_frame_rate")) or Fraction(25),
        interlaced=stream.get("field_order", "unknown") in ("tt", "bb", "tb", "bt"),
        nal_length_bytes=int(stream.get("nal_length_size") or 0) if stream.get("is_avc") == "true" else 0,
        configuration=_configuration(stream),
    )


def _audio(stream: dict[str, Any]) -> Audio:
    return Audio(
        index=stream["index"],
        codec=stream.get("codec_name", "unknown"),
        channels=int(stream["channels"]),
        sample_rate=int(stream.get("sample_rate") or 48_000),
        start_s=float(stream.get("start_time") or 0.0),
        time_base=Fraction(stream["time_base"]),
        configuration=_configuration(stream),
    )


def _configuration(stream: dict[str, Any]) -> str:
    """Names that differ between containers of the same stream (tags, ids, lengths, rates) are left out."""
    told = {name: stream[name] for name in CONFIGURES if name in stream}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _ratio(text: str | None) -> Fraction | None:
    """A positive ratio, or None where it is not known ("0/0", "0:1", "N/A")."""
    try:
        value = Fraction(text or "0")
    except (ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None
