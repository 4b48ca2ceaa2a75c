"""Number of pictures in a file, by decoding it.

Tests: tests/benchmarks/test_one_command.py.
"""

from __future__ import annotations

from pathlib import Path

from pipelines import media_tools
from pipelines.source.source import NO_SOFTWARE_DECODER


def count_decoded_pictures(path: Path, codec: str) -> int:
    """Count the pictures of a rendition: an MP4 file, or a media playlist of a package. Raises MediaToolError.

    ffmpeg prints one line for each picture that it decodes.
    """
    program = "ffmpeg-vmaf" if codec in NO_SOFTWARE_DECODER else "ffmpeg"
    command = [
        *(media_tools.program(program), "-nostdin", "-v", "error", "-i", media_tools.file_url(path)),
        *("-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framecrc", "pipe:1"),
    ]
    finished = media_tools.check(command)
    return sum(not line.startswith(b"#") for line in finished.splitlines())
