"""How each codec is asked for the same bytes every time: one thread, or threads that do not touch the result.

x264 and x265 run on one thread: with rate control and several, two runs give different bytes. Chunks run side by side
instead. No encoder may choose key frames: they lie at the same pictures on every rung of every codec.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from pipelines.ladder.ladder import AudioRung, Rung

RECIPE = 2
"""Raise it when a result changes in a way that the options do not show: what is kept is then made anew."""

NEVER_KEY = 1 << 20
"""A distance between key frames that no chunk reaches."""

WORK = {"h264": 1.0, "hevc": 1.5, "vp9": 1.2, "av1": 0.4}
"""About how long a codec takes for a point of the picture, against H.264: it decides what is encoded first."""

DECODING_WORK = 0.1
"""About how long a point of the source takes to decode, on the same scale."""

SINGLE_X265 = "pools=none:frame-threads=1:wpp=0:lookahead-slices=0"


def build_picture_options(rung: Rung, frame_rate: Fraction) -> dict[str, Any]:
    """Ffmpeg's output options for one rung. `frame_rate` only tells rate control how long a picture lasts."""
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


def build_sound_options(voice: AudioRung) -> dict[str, Any]:
    """Ffmpeg's output options for one rendition of the sound."""
    return {"c:a": "libopus" if voice.codec == "opus" else "aac", "b:a": f"{voice.kbps}k"}
