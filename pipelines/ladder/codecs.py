"""Encoder options of each codec that give the same bytes every time: one thread, or threads that do not affect output.

x264 and x265 run on one thread: with rate control on several, two runs give different bytes. Chunks run in parallel
instead. Encoders do not choose key frames: they are at the same pictures on every rung of every codec.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from pipelines.ladder.ladder import AudioRung, Rung

RECIPE = 2
"""Increment it when results change in a way that the options do not show: it is part of every cache key."""

NEVER_KEY = 1 << 20
"""A key frame interval longer than any chunk."""

WORK = {"h264": 1.0, "hevc": 1.5, "vp9": 1.2, "av1": 0.4}
"""Encoding time per pixel, about, relative to H.264; it orders the elements."""

DECODING_WORK = 0.1
"""Decoding time per pixel of the source, about, on the same scale."""

SINGLE_X265 = "pools=none:frame-threads=1:wpp=0:lookahead-slices=0"


def build_picture_options(rung: Rung, frame_rate: Fraction) -> dict[str, Any]:
    """Build ffmpeg's output options for one rung. `frame_rate` only tells rate control how long a picture lasts."""
    cap, capped = f"{rung.cap_kbps}k", {"maxrate": f"{rung.cap_kbps}k", "bufsize": f"{rung.cap_kbps}k"}
    if rung.codec == "h264":
        x264 = f"threads=1:lookahead-threads=1:scenecut=0:open-gop=0:keyint=infinite:fps={frame_rate}"
        quality = {"preset": "fast", "crf": 23, **capped, "x264-params": x264}
        return {"c:v": "libx264", "profile:v": "high", **quality, "forced-idr": 1}
    if rung.codec == "hevc":
        x265 = f"log-level=error:{SINGLE_X265}:scenecut=0:open-gop=0:keyint=-1:info=0:fps={frame_rate}"
        quality = {"preset": "veryfast", "crf": 25, **capped, "x265-params": x265}
        return {"c:v": "libx265", "tag:v": "hvc1", **quality, "forced-idr": 1}
    if rung.codec == "vp9":
        single = {"threads": 1, "row-mt": 0, "tile-columns": 0, "frame-parallel": 0}
        quality = {"deadline": "good", "cpu-used": 4, "crf": 36, "b:v": cap, "maxrate": cap, "bufsize": cap}
        return {
            "c:v": "libvpx-vp9",
            **quality,
            **single,
            "auto-alt-ref": 1,
            "lag-in-frames": 16,
            "g": NEVER_KEY,
        }
    quality = {"preset": 10, "crf": 33, **capped, "svtav1-params": "lp=1:scd=0"}
    return {"c:v": "libsvtav1", **quality, "g": NEVER_KEY}


def build_sound_options(rung: AudioRung) -> dict[str, Any]:
    """Build ffmpeg's output options for one audio rung."""
    return {"c:a": "libopus" if rung.codec == "opus" else "aac", "b:a": f"{rung.kbps}k"}
