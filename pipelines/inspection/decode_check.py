"""Strict decode of one piece of video, or of the whole sound: its faults, and hashes of its pictures.

One decode gives both: the decoder stops at the first violation of the bitstream, and every decoded picture is scaled to
64 x 64 grey pixels for its fingerprint.

Tests: tests/pipelines/inspection/test_inspection.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

from pipelines import media_tools
from pipelines.inspection.nal_check import find_illegal_packets
from pipelines.inspection.picture_hash import FRAME_BYTES, SAMPLES_PER_S, SIDE, hash_picture
from pipelines.source import faults
from pipelines.source.chunk_plan import PacketPlace
from pipelines.source.cutting import Piece, cut, decode_pictures, rotate_upright
from pipelines.source.faults import Fault
from pipelines.source.source import Audio, Source
from schemas.errors import MediaToolError
from stores.media import media

DETAIL_CHARACTERS = 200
NO_DECODER = re.compile(r"Decod(er|ing requested).*(not found|no decoder)|no decoder found", re.IGNORECASE)
AUDIO_STRICT = "crccheck+explode"
"""Without `bitstream` and `buffer`: they reject intact MP3 whose first frame uses bits of a frame that was cut off."""


@dataclass(frozen=True)
class Sample:
    """One fingerprint: seconds from the first picture, hash of 32 bytes, quality 0 to 100."""

    position_s: float
    hash: bytes
    quality: int


@dataclass(frozen=True)
class DecodeCheck:
    """Result of one decode. `index`: that of the chunk; `pictures`: how many were decoded."""

    index: int
    pictures: int
    samples: tuple[Sample, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class _Decode:
    status: int
    stderr: str
    times: tuple[int, ...]
    hashes: tuple[tuple[bytes, int] | None, ...]


def check_piece(piece: Piece) -> DecodeCheck:
    """Decode one piece strictly; if that fails, decode it again without stopping, to find which pictures are lost."""
    index = piece.chunk.index
    runs = find_illegal_packets(piece)
    broken = tuple(_build_illegal_fault(piece, run) for run in runs)
    try:
        with cut(piece) as path:
            decoded = _decode(piece, path, strict=True)
            if decoded.status:
                again = _decode(piece, path, strict=False)
                known = {place.pts for run in runs for place in run}
                lost = [pts for pts in _find_lost(piece, again.times) if pts not in known]
                rest = (_build_damage_fault(piece, decoded.stderr, lost),) if lost or not broken else ()
                return DecodeCheck(index, len(again.times), (), (*broken, *rest))
    except MediaToolError as error:
        return DecodeCheck(
            index, 0, (), (_build_fault(piece, faults.DECODE_ERROR, f"cannot be read: {error.detail}"),)
        )
    if not decoded.times:
        return DecodeCheck(
            index, 0, (), (_build_fault(piece, faults.DECODE_ERROR, "no picture can be decoded"),)
        )
    lost = _find_lost(piece, decoded.times)
    if lost:
        return DecodeCheck(index, len(decoded.times), (), (_build_missing_fault(piece, lost),))
    return DecodeCheck(index, len(decoded.times), () if broken else _build_samples(piece, decoded), broken)


def check_audio(source: Source, audio: Audio, end_s: float) -> tuple[Fault, ...]:
    """Decode the whole first audio track strictly. `end_s`: the source's duration, for the fault."""
    options = {"xerror": None, "err_detect": AUDIO_STRICT}
    stream = media_tools.source_input(source.path, **options)[str(audio.index)]
    command = media_tools.ffmpeg_command(stream.output("pipe:1", format="s16le", ac=1, ar=8_000))
    finished, size = media_tools.run(command, consume=_drain)
    if not finished.status and size:
        return ()
    if NO_DECODER.search(finished.stderr):
        detail = f"the audio codec ({audio.codec}) cannot be decoded here; convert it to AAC, Opus or MP3"
        return (Fault(faults.UNSUPPORTED_CODEC, detail, start_s=0.0, end_s=end_s),)
    why = _clean_first_line(finished.stderr) if finished.status else "no sound can be decoded"
    return (Fault(faults.AUDIO_DECODE_ERROR, f"the sound is damaged: {why}", start_s=0.0, end_s=end_s),)


def _decode(piece: Piece, path: Path, *, strict: bool) -> _Decode:
    tiny = rotate_upright(decode_pictures(piece, path, strict=strict), piece.video.rotation)
    tiny = tiny.filter("scale", SIDE, SIDE, flags="area").filter("format", "gray")
    with media().staging() as folder:
        listing = folder / "times"
        options: dict[str, Any] = {
            "format": "rawvideo",
            "fps_mode": "passthrough",
            "enc_time_base": "demux",
            "stats_enc_pre:v": str(listing),
            "stats_enc_pre_fmt:v": "{pts} {tb}",
        }
        command = media_tools.ffmpeg_command(tiny.output("pipe:1", **options), piece.video.decoder)
        finished, hashes = media_tools.run(
            command, consume=lambda stdout: _hash_pictures(stdout, _choose_sampled(piece))
        )
        times = parse_times(listing, piece) if listing.exists() else ()
    shown = min(len(times), len(hashes))
    return _Decode(finished.status, finished.stderr, times[:shown], hashes[:shown])


def parse_times(listing: Path, piece: Piece) -> tuple[int, ...]:
    """Presentation times that ffmpeg listed ("pts time_base" per line), in ticks of the source."""
    times = []
    for line in listing.read_text().splitlines():
        pts, _, time_base = line.partition(" ")
        if time_base and pts.lstrip("-").isdigit():
            times.append(round(int(pts) * Fraction(time_base) / piece.video.time_base) + piece.clock)
    return tuple(times)


def _hash_pictures(stdout: IO[bytes], wanted: frozenset[int] | None) -> tuple[tuple[bytes, int] | None, ...]:
    """Hash each picture, or give None for one that is not wanted; `wanted` None: all of them."""
    return tuple(
        hash_picture(frame) if wanted is None or number in wanted else None
        for number, frame in enumerate(media_tools.read_blocks(stdout, FRAME_BYTES))
    )


def _choose_sampled(piece: Piece) -> frozenset[int] | None:
    """Numbers of the pictures to hash; None if the packets do not tell. A piece with lost pictures gives no samples."""
    if not piece.chunk.pictures:
        return None
    steps: dict[int, int] = {}
    for number, pts in enumerate(piece.chunk.pictures):
        steps.setdefault(_find_step(piece, pts, piece.first_pts), number)
    return frozenset(steps.values())


def _find_step(piece: Piece, pts: int, first_pts: int) -> int:
    """The step of the sampling grid that a picture falls on."""
    return int((pts - first_pts) * piece.video.time_base * SAMPLES_PER_S)


def _drain(stdout: IO[bytes]) -> int:
    size = 0
    while block := stdout.read(media_tools.READ_BYTES):
        size += len(block)
    return size


def _build_samples(piece: Piece, decoded: _Decode) -> tuple[Sample, ...]:
    """The first picture at or after each step of the grid; joining chunks keeps the earliest of each step.

    If packets do not tell the first picture's time, there is only one chunk, and its first picture tells it.
    """
    first = piece.first_pts if piece.chunk.pictures else decoded.times[0]
    chosen: dict[int, Sample] = {}
    for pts, hashed in zip(decoded.times, decoded.hashes, strict=True):
        step = _find_step(piece, pts, first)
        if step not in chosen and hashed is not None:
            chosen[step] = Sample(round(float((pts - first) * piece.video.time_base), 6), *hashed)
    return tuple(chosen.values())


def _find_lost(piece: Piece, times: Sequence[int]) -> list[int]:
    return sorted(set(piece.chunk.pictures or ()) - set(times))


def _build_damage_fault(piece: Piece, stderr: str, lost: Sequence[int]) -> Fault:
    if NO_DECODER.search(stderr):
        detail = f"the video codec ({piece.video.codec}) cannot be decoded here; convert it to H.264 or HEVC"
        return _build_fault(piece, faults.UNSUPPORTED_CODEC, detail)
    return _build_fault(
        piece, faults.DECODE_ERROR, f"the picture is damaged: {_clean_first_line(stderr)}", lost
    )


def _build_missing_fault(piece: Piece, lost: Sequence[int]) -> Fault:
    return _build_fault(
        piece, faults.MISSING_FRAMES, f"{len(lost)} pictures are in the file but do not decode", lost
    )


def _build_illegal_fault(piece: Piece, run: Sequence[PacketPlace]) -> Fault:
    detail = f"the picture is damaged: {len(run)} packets contain bytes that no encoder writes"
    return _build_fault(piece, faults.DECODE_ERROR, detail, sorted(place.pts for place in run))


def _build_fault(piece: Piece, kind: str, detail: str, lost: Sequence[int] = ()) -> Fault:
    """A fault from the first to the last lost picture, or over the whole chunk if none is known to be lost."""
    chunk = piece.chunk
    start, end = chunk.start_pts, chunk.end_pts
    byte_start, byte_end = chunk.byte_start, chunk.byte_end
    if lost:
        start = lost[0]
        end = next((time for time in chunk.pictures or () if time > lost[-1]), chunk.end_pts)
        hit = set(lost)
        if places := [place for place in chunk.places if place.pts in hit]:
            byte_start = min(place.position for place in places)
            byte_end = max(place.position + place.size for place in places)
    return Fault(
        kind,
        detail[:DETAIL_CHARACTERS],
        start_s=round(max(0.0, piece.seconds(start)), 6),
        end_s=round(piece.seconds(end), 6),
        byte_start=byte_start,
        byte_end=byte_end,
    )


def _clean_first_line(stderr: str) -> str:
    """First line of ffmpeg's stderr, without the memory address of the component."""
    first = stderr.splitlines()[0] if stderr else "the decoder stopped"
    return first.partition("] ")[2] if first.startswith("[") else first
