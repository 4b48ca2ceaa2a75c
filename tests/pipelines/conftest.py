"""Test footage: sources made with ffmpeg's own generators, once per session."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines import media_tools
from stores.files import file_lock

Footage = Callable[[str], Path]

MOVING = ("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=24:duration={s}")
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration={s}")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac")
UNEVEN = ("-vf", "select='lt(n,100)+not(mod(n,5))'", "-fps_mode", "vfr")

RECIPES: dict[str, tuple[float, tuple[str, ...]]] = {
    "plain.mp4": (3, (*MOVING, *TONE, *X264, "-g", "24", *AAC)),
    "long.mp4": (20, (*MOVING, *TONE, *X264, "-g", "48", "-bf", "2", *AAC)),
    "b-pyramid.mkv": (20, (*MOVING, *X264, "-x264-params", "keyint=48:bframes=8:b-pyramid=normal:b-adapt=0")),
    "vfr.mp4": (20, (*MOVING, *UNEVEN, *X264, "-g", "48")),
    "vfr.mkv": (20, (*MOVING, *TONE, *UNEVEN, *X264, "-g", "48", *AAC)),
    "odd.mp4": (2, (*MOVING, "-vf", "scale=321:241", *X264[:-1], "yuv444p")),
    "anamorphic.mp4": (2, (*MOVING, "-vf", "scale=352:288,setsar=16/11", *X264)),
    "open-gop.mp4": (20, (*MOVING, *X264, "-x264-params", "keyint=48:open-gop=1:bframes=3")),
    "open-gop-hevc.mkv": (
        4,
        (
            *MOVING,
            "-c:v",
            "libx265",
            "-preset",
            "ultrafast",
            "-x265-params",
            "keyint=24:open-gop=1:log-level=none",
        ),
    ),
    "intra-refresh.mp4": (20, (*MOVING, *X264, "-x264-params", "intra-refresh=1:keyint=48")),
    "interlaced.ts": (3, (*MOVING, *TONE, "-vf", "interlace", *X264, "-flags", "+ilme+ildct", "-c:a", "mp2")),
    "mpeg2.ts": (3, (*MOVING, *TONE, "-c:v", "mpeg2video", "-bf", "2", "-c:a", "mp2")),
    "vp9.webm": (
        3,
        (*MOVING, *TONE, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"),
    ),
    "vp8.webm": (
        3,
        (*MOVING, "-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-cpu-used", "8"),
    ),
    "av1.mp4": (2, (*MOVING, "-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "enable-stat-report=0")),
    "mpeg4.avi": (3, (*MOVING, *TONE, "-c:v", "mpeg4", "-bf", "2", "-c:a", "libmp3lame")),
    "mp3-sound.mp4": (3, (*MOVING, *TONE, *X264, "-c:a", "libmp3lame")),
    "sound.m4a": (3, (*TONE, *AAC)),
    "sound.mp3": (3, (*TONE, "-c:a", "libmp3lame")),
    "still.gif": (0.04, (*MOVING,)),
    "still.jpg": (0.04, (*MOVING, "-frames:v", "1", "-c:v", "mjpeg", "-update", "1")),
    "black.mp4": (2, ("-f", "lavfi", "-i", "color=black:size=320x240:rate=24:duration={s}", *X264)),
}

COPIES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "moov-first.mp4": ("long.mp4", (), ("-c", "copy", "-movflags", "+faststart")),
    "rotated.mp4": ("plain.mp4", ("-display_rotation", "90"), ("-c", "copy")),
    "edit-list.mp4": ("long.mp4", ("-ss", "3.3"), ("-c", "copy")),
    "raw.h264": ("plain.mp4", (), ("-map", "0:v", "-c", "copy")),
    "padded.mp4": ("plain.mp4", (), ("-c", "copy", "-moov_size", "50000")),
    "fragmented.mp4": ("long.mp4", (), ("-c", "copy", "-movflags", "frag_keyframe+empty_moov")),
    "late-start.mkv": ("long.mp4", (), ("-c", "copy", "-output_ts_offset", "100")),
}


def ffmpeg(*arguments: str) -> None:
    """Run the real ffmpeg."""
    subprocess.run([media_tools.program("ffmpeg"), "-v", "error", "-nostdin", "-y", *arguments], check=True)


@pytest.fixture(scope="session")
def footage(shared_folder: Path) -> Footage:
    """Makes a source by name, once for all processes of the run."""
    folder = shared_folder / "footage"
    folder.mkdir(exist_ok=True)

    def make(name: str) -> Path:
        path = folder / name
        with file_lock(folder / f"{name}.lock"):
            if not path.exists():
                draft = folder / f"draft-{name}"
                make_draft(name, draft)
                draft.rename(path)
        return path

    def make_draft(name: str, draft: Path) -> None:
        if name in COPIES:
            origin, before, after = COPIES[name]
            ffmpeg(*before, "-i", str(make(origin)), *after, str(draft))
        else:
            length, recipe = RECIPES[name]
            ffmpeg(*(part.replace("{s}", str(length)) for part in recipe), str(draft))

    return make
