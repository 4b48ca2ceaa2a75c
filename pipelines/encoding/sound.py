"""Sound encodes: the whole audio track on one audio rung, in exact sync with the video."""

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
"""How many pixels take about as long to encode as one audio sample."""


@dataclass(frozen=True)
class SoundEncode:
    """The task of encoding the whole first audio track on one rung.

    `content`: digest of the track's packets and times. `start_s`: the first picture's time on the source's clock (the
    sound's own without video): sound before it is cut, a gap after it becomes silence, so that video and sound stay in
    sync. `least_s`: the video's length; shorter sound is padded with silence, longer sound is not cut.
    """

    source: Source
    audio: Audio
    content: str
    rung: AudioRung
    start_s: float
    least_s: float

    @property
    def work(self) -> float:
        """Estimated work, on the scale of `ChunkEncode.work`."""
        return self.least_s * SAMPLES_LIKE_POINTS * self.rung.sample_rate

    @property
    def key(self) -> str:
        """Cache key of all that the result depends on."""
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
        """Build the ffmpeg command that encodes the sound of `path` into `result`."""
        output = self.build_stream(path).output(media_tools.file_url(result), **self.build_options())
        return media_tools.ffmpeg_command(output)

    def build_stream(self, path: Path) -> Any:
        """Build the ffmpeg-python stream of the samples to encode."""
        stream = media_tools.source_input(path, copyts=None, threads=1)[str(self.audio.index)]
        layout = "mono" if self.rung.channels == 1 else "stereo"
        return (
            stream.filter("asetpts", f"PTS-({self.start_s:.6f})/TB")
            .filter("aresample", self.rung.sample_rate, **{"async": 1, "first_pts": 0, "ochl": layout})
            .filter("apad", whole_dur=f"{self.least_s:.6f}")
        )

    def build_options(self) -> dict[str, Any]:
        """Build ffmpeg's output options."""
        return {
            "format": "mp4",
            **build_sound_options(self.rung),
            "flags:a": "+bitexact",
            "fflags": "+bitexact",
            "map_metadata": -1,
        }


def encode_sound(task: SoundEncode) -> tuple[str, bool]:
    """Encode the sound unless it is cached; returns its key and whether it was reused. Raises MediaToolError."""
    key = task.key
    if media().find_result(key, SUFFIX) is not None:
        return key, True
    with media().keep(key, SUFFIX) as result:
        media_tools.check(task.build_command(task.source.path, result))
        length = measure_sound_s(result)
        if length < task.least_s - 0.05 or not length:
            raise MediaToolError(
                f"{task.source.path.name}: only {length:.3f} of {task.least_s:.3f} s of sound were encoded"
            )
    return key, False


def measure_sound_s(path: Path) -> float:
    """Measure the length of an MP4's audio track, in seconds."""
    command = [
        *(media_tools.program("ffprobe"), "-v", "error", "-select_streams", "a:0"),
        *("-show_entries", "stream=duration", "-of", "compact=p=0:nk=1", media_tools.file_url(path)),
    ]
    return float(media_tools.check(command).decode().strip() or 0.0)
