"""Quality score: VMAF is high for a good encode, low for a bad one, and measured once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.encoding.quality_score import Comparison, measure_vmaf
from pipelines.source.chunk_plan import plan_chunks
from pipelines.source.probe import probe
from stores.media import file_digest
from tests.pipelines.conftest import Footage, ffmpeg


@pytest.mark.usefixtures("home")
def test_a_good_encode_scores_high_and_a_bad_one_low(footage: Footage, tmp_path: Path) -> None:
    source = footage("plain.mp4")
    scores = {}
    for crf, scale in ((14, "320:240"), (40, "160:120")):
        track = tmp_path / f"{crf}.mp4"
        ffmpeg(
            "-i", str(source), "-an", "-vf", f"scale={scale}", "-c:v", "libx264", "-crf", str(crf), str(track)
        )
        comparison = Comparison(plan_chunks(probe(source)), file_digest(source), track, file_digest(track))
        scores[crf] = measure_vmaf(comparison)
        track.unlink()
        assert measure_vmaf(comparison) == scores[crf]  # kept: the track is not needed again
    assert scores[14] is not None
    assert scores[40] is not None
    assert scores[14] > 90
    assert scores[40] < scores[14] - 20


@pytest.mark.usefixtures("home")
def test_a_turned_source_is_compared_upright(footage: Footage, tmp_path: Path) -> None:
    source, track = footage("rotated.mp4"), tmp_path / "upright.mp4"
    ffmpeg("-i", str(source), "-an", "-c:v", "libx264", "-crf", "14", str(track))
    score = measure_vmaf(
        Comparison(plan_chunks(probe(source)), file_digest(source), track, file_digest(track))
    )
    assert score is not None
    assert score > 90


@pytest.mark.usefixtures("home")
def test_a_source_too_small_for_the_model_has_no_score(tmp_path: Path) -> None:
    source = tmp_path / "tiny.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x16:rate=12:duration=1", "-c:v", "libx264", str(source))
    assert (
        measure_vmaf(Comparison(plan_chunks(probe(source)), file_digest(source), source, file_digest(source)))
        is None
    )
