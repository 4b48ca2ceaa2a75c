"""What a piece of a source holds, as one digest: the same for the same packets in any file, container or place.

Encoded chunks are kept under it, so that what was encoded once is never encoded again: not for the same video with
other tags, not from MP4 to Matroska, and not where a stream was cut at the same key frames without encoding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from typing import IO

from pipelines import media_tools
from pipelines.source.source import PROBE_TIMEOUT_S, Audio, Packet, Source, packet_command


def packet_content(packets: Sequence[Packet]) -> str:
    """SHA-256, hex, of packets in decoding order: their bytes, which are hidden, and in which order they are shown.

    Times are left out: containers round them. They are told by their order here and by the timeline elsewhere.
    """
    times = sorted({packet.pts for packet in packets if packet.pts is not None})
    order = {time: rank for rank, time in enumerate(times)}
    digest = hashlib.sha256()
    for packet in packets:
        rank = "" if packet.pts is None else order[packet.pts]
        digest.update(f"{packet.content} {rank} {'hidden' if packet.discard else ''}\n".encode())
    return digest.hexdigest()


def sound_content(source: Source, audio: Audio, start_s: float) -> str:
    """SHA-256, hex, of the sound's packets: their bytes, their times from `start_s` on, and what is skipped of them."""
    entries = "packet=pts,dts,duration,flags,data_hash:packet_side_data"
    start = round(Fraction(start_s) / audio.time_base)
    digest = hashlib.sha256(f"{audio.configuration} {audio.time_base}\n".encode())

    def add(stdout: IO[bytes]) -> None:
        for line in stdout:
            fields = line.decode(errors="replace").strip().split("|")
            digest.update("|".join(_moved(field, start) for field in fields).encode() + b"\n")

    media_tools.run(packet_command(source.path, audio.index, entries), consume=add, timeout_s=PROBE_TIMEOUT_S)
    return digest.hexdigest()


def _moved(field: str, start: int) -> str:
    name, _, value = field.partition("=")
    if name in ("pts", "dts") and value.lstrip("-").isdigit():
        return f"{name}={int(value) - start}"
    return field
