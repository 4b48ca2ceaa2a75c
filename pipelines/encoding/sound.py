"""The sound of a source, encoded once as a whole, starting exactly with the picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import media_tools
from pipelines.encoding.chunk import SUFFIX
from pipelines.ladder.codecs import RECIPE, build_sound_options
from pipelines.ladder.ladder import AudioRung
from pipelines.source.source import Audio, Source
from schemas.errors import MediaToolError
from stores.media import MediaStore, media

SAMPLES_LIKE_POINTS = 5
"""A sample takes about as long to encode as so many points of a picture."""


@dataclass(frozen=True)
class SoundEncode:
    """The whole first audio track as one rendition: Beam's element.

    `content`: names what the track holds and when. `start_s`: the first picture's time on the source's clock (the
    sound's own where there is no picture): what lies before it is cut, what is missing after it is silence, so that
    picture and sound keep their distance. `least_s`: the picture's length; shorter sound goes on in silence, longer
    sound is kept.
    """

    source: Source
    audio: Audio
    content: str
    voice: AudioRung
    start_s: float
    least_s: float

    @property
    def work(self) -> float:
        """About how much work it is, on the scale of a chunk's."""
        return self.least_s * SAMPLES_LIKE_POINTS * self.voice.sample_rate

    @property
    def key(self) -> str:
        """Names the result by all that it depends on."""
        return MediaStore.key(
            {
                "made": "sound",
                "recipe": RECIPE,
                "content": self.content,
                "arguments": self.build_command(Path("source"), Path("result"))[1:],
                "programs": [media_tools.version("ffmpeg")],
            }
        )

    def build_command(self, path: Path, result: Path) -> list[str]:
        """The ffmpeg command that encodes the sound of `path` into `result`."""
        output = self.build_stream(path).output(media_tools.file_url(result), **self.build_options())
        return media_tools.ffmpeg_command(output)

    def build_stream(self, path: Path) -> Any:
        """What is to be encoded, as an ffmpeg-python stream."""
        stream = media_tools.source_input(path, copyts=None, threads=1)[str(self.audio.index)]
        layout = "mono" if self.voice.channels == 1 else "stereo"
        return (
            stream.filter("asetpts", f"PTS-({self.start_s:.6f})/TB")
            .filter("aresample", self.voice.sample_rate, **{"async": 1, "first_pts": 0, "ochl": layout})
            .filter("apad", whole_dur=f"{self.least_s:.6f}")
        )

    def build_options(self) -> dict[str, Any]:
        """Ffmpeg's output options."""
        return {
            "format": "mp4",
            **build_sound_options(self.voice),
            "flags:a": "+bitexact",
            "fflags": "+bitexact",
            "map_metadata": -1,
        }


def encode_sound(task: SoundEncode) -> tuple[str, bool]:
    """Encode the sound unless it is kept already; returns its key and whether work was saved. Raises MediaToolError."""
    key = task.key
    if media().cached(key, SUFFIX) is not None:
        return key, True
    with media().keep(key, SUFFIX) as result:
        media_tools.check(task.build_command(task.source.path, result))
        length = measure_sound_s(result)
        if length < task.least_s - 0.05 or not length:
            raise MediaToolError(
                f"{task.source.path.name}: {length:.3f} s of sound were encoded of {task.least_s:.3f} s"
            )
    return key, False


def measure_sound_s(path: Path) -> float:
    """Length of an MP4's sound in seconds, as its track says."""
    command = [
        *(media_tools.program("ffprobe"), "-v", "error", "-select_streams", "a:0"),
        *("-show_entries", "stream=duration", "-of", "compact=p=0:nk=1", media_tools.file_url(path)),
    ]
    return float(media_tools.check(command).decode().strip() or 0.0)
