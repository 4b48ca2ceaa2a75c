"""A browser, and a video that it can play, for the pages that are tried in headless Chromium."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines import media_tools
from pipelines.encoding.renditions import build_package
from pipelines.ladder.ladder import INGEST_CODECS
from stores.media import file_digest, media
from tests.streaming.api.chromium import Chromium, chromium


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One browser for all pages."""
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="session")
def short_clip(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 8 s of the project's clip, small."""
    path = tmp_path_factory.mktemp("source") / "small.mp4"
    small = ["-vf", "scale=-2:240", "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"]
    command = [media_tools.program("ffmpeg"), "-v", "error", "-t", "8", "-i", str(clip), *small, str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.fixture
def ready_video(home: Path, short_clip: Path, add_video: Callable[..., str]) -> str:
    """A video with the package that the ingest DAG makes."""
    with build_package(short_clip, file_digest(short_clip), codecs=INGEST_CODECS) as package:
        digest = media().publish_package(package.folder)
    with media().staging() as staging:
        still = staging / "still.jpg"
        picture = [media_tools.program("ffmpeg"), "-v", "error", "-i", str(short_clip), "-frames:v", "1"]
        subprocess.run([*picture, str(still)], check=True)
        name = media().publish_thumbnail(still)
    return add_video(
        title="Big Buck Bunny & <friends>",
        package=digest,
        thumbnail_url=f"/media/thumbnails/{name}",
        duration_s=8.0,
    )
