"""Synthetic footage of any length with unique frames: procedural scenes, cut every few seconds, with sound.

A loop of a short clip would be easier than real video for encoders, caches and matching, and a film of an hour is too
large to ship. Each scene is an ffmpeg source with its own position, speed and colours, an overlay that moves across it,
and grain. They go as raw pictures into one H.264 encoder, so that key frames fall where an encoder places them.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from benchmarks.report import Say
from pipelines import media_tools
from schemas.errors import MediaToolError
from stores.files import atomic_replacement

RECIPE = 1
"""Version of the generator. Increment it when the same arguments give different pictures: it invalidates the cache."""

FRAME_RATE = 24
SHORTEST_SCENE_S, LONGEST_SCENE_S = 4, 10
ENCODER = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-threads", "2", "-pix_fmt", "yuv420p")
"""Better quality than the ladder's output, as uploads have. A fixed number of threads gives the same bytes anywhere."""

SOUND = ("-c:a", "aac", "-b:a", "128k", "-ac", "2")
GRAIN = 4

Scene = Callable[[random.Random], str]


@dataclass(frozen=True)
class Footage:
    """Parameters of one film: length, size and seed."""

    length_s: float
    seed: int = 0
    width: int = 1280
    height: int = 720

    @property
    def frames(self) -> int:
        """Number of pictures."""
        return max(1, round(self.length_s * FRAME_RATE))

    @property
    def name(self) -> str:
        """File name with a digest of everything that determines the content."""
        recipe = {"recipe": RECIPE, "by": media_tools.version("ffmpeg"), "encoder": ENCODER, **asdict(self)}
        digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
        return f"footage-{self.length_s:g}s-{self.seed}-{digest}.mp4"

    def scenes(self) -> Iterator[tuple[int, str]]:
        """Number of frames and ffmpeg source of each scene, in order."""
        left, number = self.frames, 0
        while left:
            drawn = random.Random(f"{self.seed}/{number}")  # noqa: S311 - scenery, and the same every time
            frames = min(left, drawn.randint(SHORTEST_SCENE_S * FRAME_RATE, LONGEST_SCENE_S * FRAME_RATE))
            yield frames, self._scene(drawn, number)
            left, number = left - frames, number + 1

    def _scene(self, drawn: random.Random, number: int) -> str:
        """An enlarged source, with a test card that moves across it, and grain."""
        kind = SCENES[(number + self.seed) % len(SCENES)]
        hue, saturation = drawn.randrange(360), drawn.uniform(0.5, 1.1)
        card = drawn.choice(("testsrc2", "rgbtestsrc", "smptehdbars", "yuvtestsrc"))
        width, height = self.width // drawn.choice((4, 5, 6)) // 2 * 2, self.height // 5 // 2 * 2
        across, down = (
            f"({room})*(0.5+0.45*sin(t*{drawn.uniform(0.2, 0.9):.3f}+{number}))" for room in ("W-w", "H-h")
        )
        return (
            f"{kind(drawn)},scale={self.width}:{self.height}:flags=bicubic,format=yuv420p,"
            f"hue=h={hue}:s={saturation:.2f}[ground];"
            f"{card}=s={width}x{height}:r={FRAME_RATE},format=yuv420p[card];"
            f"[ground][card]overlay=x='{across}':y='{down}':shortest=1,"
            f"noise=alls={GRAIN}:allf=t:all_seed={drawn.randrange(1 << 30)},setsar=1,format=yuv420p"
        )

    def sound(self) -> str:
        """Source for ffmpeg of two frequency-modulated tones, one per channel, over noise."""
        drawn = random.Random(f"{self.seed}/sound")  # noqa: S311
        tones = []
        for ear in (0, 1):
            pitch, swing, pace = drawn.uniform(700, 2_500), drawn.uniform(20, 90), drawn.uniform(0.3, 3)
            tone = f"0.15*sin({pitch:.1f}*t+{swing:.1f}*sin(t*{pace:.3f}))"
            tones.append(f"{tone}+0.03*(random({ear})-0.5)")
        return f"aevalsrc='{'|'.join(tones)}':s=48000:c=stereo"


def make_footage(footage: Footage, say: Say, folder: Path | None = None) -> Path:
    """The film as a file, created on first use and cached in `folder` (default: the user's cache).

    Raises MediaToolError if ffmpeg fails; nothing is cached then.
    """
    folder = folder or cache_folder()
    path = folder / footage.name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        say(f"creating {footage.length_s:g} s of footage, cached as {path}")
        with atomic_replacement(path) as draft:
            _encode(footage, draft, say)
    return path


def cache_folder() -> Path:
    """The user's cache of footage (XDG base directories, 0.8)."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    return root / "newsreel" / "bench"


def _encode(footage: Footage, path: Path, say: Say) -> None:
    program = media_tools.program("ffmpeg")
    raw = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{footage.width}x{footage.height}")
    encode = [
        *(media_tools.program("setpriv"), "--pdeathsig", "KILL", "--", program, "-v", "error", "-y"),
        *(*raw, "-r", str(FRAME_RATE), "-i", "pipe:0", "-f", "lavfi", "-i", footage.sound()),
        *("-t", f"{footage.frames / FRAME_RATE:.6f}", "-map", "0:v", "-map", "1:a", *ENCODER, *SOUND),
        *("-fflags", "+bitexact", "-flags", "+bitexact", "-f", "mp4", media_tools.file_url(path)),
    ]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(encode, stdin=subprocess.PIPE, stderr=log) as encoder,
    ):
        assert encoder.stdin is not None
        try:
            done = 0
            for frames, scene in footage.scenes():
                _draw_scene(footage, scene, frames, encoder.stdin)
                if done // (60 * FRAME_RATE) != (done := done + frames) // (60 * FRAME_RATE):
                    say(f"{done} of {footage.frames} frames")
        except BrokenPipeError:
            pass  # the encoder has exited: its log has the reason
        except BaseException:
            encoder.kill()
            raise
        finally:
            with suppress(BrokenPipeError):
                encoder.stdin.close()
        if encoder.wait():
            log.seek(0)
            raise MediaToolError(
                f"ffmpeg could not encode footage: {log.read()[-400:] or encoder.returncode}"
            )


def _draw_scene(footage: Footage, scene: str, frames: int, sink: IO[bytes]) -> None:
    """Write the raw pictures of one scene to the encoder. Raises MediaToolError if some are missing."""
    draw = [
        *(media_tools.program("ffmpeg"), "-nostdin", "-v", "error", "-filter_complex", f"{scene}[out]"),
        *("-map", "[out]", "-frames:v", str(frames), "-f", "rawvideo", "pipe:1"),
    ]

    def forward(pictures: IO[bytes]) -> int:
        size = 0
        while block := pictures.read(1 << 20):
            sink.write(block)
            size += len(block)
        return size

    finished, size = media_tools.run(draw, consume=forward)
    if finished.status or size != frames * footage.width * footage.height * 3 // 2:
        raise MediaToolError(f"ffmpeg could not draw a scene: {finished.stderr[-400:] or scene}")


def _mandelbrot(drawn: random.Random) -> str:
    x, y = drawn.choice(((-0.7436, -0.1318), (-0.1607, 1.0376), (0.2821, 0.0100), (-1.2506, 0.0201)))
    return (
        f"mandelbrot=s=320x180:r={FRAME_RATE}:start_x={x + drawn.uniform(-0.01, 0.01):.5f}"
        f":start_y={y + drawn.uniform(-0.01, 0.01):.5f}:start_scale={drawn.uniform(0.3, 0.8):.3f}"
        f":end_scale={drawn.uniform(0.02, 0.05):.4f}:end_pts={drawn.randint(400, 700)}:maxiter=300:inner=mincol"
        ",gblur=sigma=1"
    )


def _gradients(drawn: random.Random) -> str:
    kind = drawn.choice(("linear", "radial", "circular", "spiral"))
    return (
        f"gradients=s=320x180:r={FRAME_RATE}:n={drawn.randint(3, 8)}:seed={drawn.randrange(1 << 30)}"
        f":speed={drawn.uniform(0.005, 0.03):.4f}:type={kind}"
    )


def _perlin(drawn: random.Random) -> str:
    colours = drawn.choice(("turbo", "viridis", "plasma", "magma", "inferno", "cividis"))
    return (
        f"perlin=s=128x72:r={FRAME_RATE}:octaves=4:persistence=0.6:xscale={drawn.uniform(2, 5):.2f}"
        f":yscale={drawn.uniform(2, 5):.2f}:tscale={drawn.uniform(0.2, 0.5):.2f}"
        f":random_mode=seed:random_seed={drawn.randrange(1 << 30)},pseudocolor=preset={colours}"
    )


def _waves(drawn: random.Random) -> str:
    a, b, c, d = (drawn.uniform(7, 30) for _ in range(4))
    return (
        f"nullsrc=s=160x90:r={FRAME_RATE},format=yuv420p,geq="
        f"lum='128+55*sin(X/{a:.2f}+T*{drawn.uniform(0.5, 2.5):.2f})+50*cos(Y/{b:.2f}-T*1.3+X/{c:.2f})'"
        f":cb='128+50*sin(X/{d:.2f}+T)':cr='128+50*cos(Y/{c:.2f}+T*{drawn.uniform(0.5, 2):.2f})'"
    )


def _rules(drawn: random.Random) -> str:
    return (
        f"cellauto=s=320x180:r={FRAME_RATE}:rule={drawn.choice((30, 73, 90, 110, 150))}"
        f":seed={drawn.randrange(1 << 30)}:scroll=1,gblur=sigma=1.5"
    )


def _carpet(drawn: random.Random) -> str:
    return (
        f"sierpinski=s=640x360:r={FRAME_RATE}:seed={drawn.randrange(1 << 30)}"
        f":jump={drawn.randint(20, 120)}:type={drawn.choice(('carpet', 'triangle'))},gblur=sigma=1"
    )


SCENES: tuple[Scene, ...] = (_mandelbrot, _gradients, _waves, _perlin, _rules, _carpet)
