"""Content digests: the same for the same packets in any file, container or position.

Encoded chunks are cached under them, so that the same content is never encoded twice: not for the same video with other
tags, not after remuxing from MP4 to Matroska, and not where a stream was cut at the same key frames without encoding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from typing import IO

from pipelines import media_tools
from pipelines.source.packets import PROBE_TIMEOUT_S, Packet, build_packet_command
from pipelines.source.source import Audio, Source


def digest_packets(packets: Sequence[Packet]) -> str:
    """SHA-256, hex, of packets in decoding order: their bytes, which are hidden, and their presentation order.

    Times are left out, because containers round them: their order is in the digest, and exact times in the timeline.
    """
    times = sorted({packet.pts for packet in packets if packet.pts is not None})
    order = {time: rank for rank, time in enumerate(times)}
    digest = hashlib.sha256()
    for packet in packets:
        rank = "" if packet.pts is None else order[packet.pts]
        digest.update(f"{packet.content} {rank} {'hidden' if packet.discard else ''}\n".encode())
    return digest.hexdigest()


def digest_sound(source: Source, audio: Audio, start_s: float) -> str:
    """SHA-256, hex, of the audio packets: their bytes, times relative to `start_s`, and skipped samples."""
    entries = "packet=pts,dts,duration,flags,data_hash:packet_side_data"
    start = round(Fraction(start_s) / audio.time_base)
    digest = hashlib.sha256(f"{audio.configuration} {audio.time_base}\n".encode())

    def add(stdout: IO[bytes]) -> None:
        for line in stdout:
            fields = line.decode(errors="replace").strip().split("|")
            digest.update("|".join(_shift_time(field, start) for field in fields).encode() + b"\n")

    media_tools.run(
        build_packet_command(source.path, audio.index, entries), consume=add, timeout_s=PROBE_TIMEOUT_S
    )
    return digest.hexdigest()


def _shift_time(field: str, start: int) -> str:
    name, _, value = field.partition("=")
    if name in ("pts", "dts") and value.lstrip("-").isdigit():
        return f"{name}={int(value) - start}"
    return field
