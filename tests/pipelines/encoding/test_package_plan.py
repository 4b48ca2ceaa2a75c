"""Package plan: every result and row of a package is known before anything is encoded."""

from __future__ import annotations

import pytest

from pipelines.encoding.package_plan import plan_package
from pipelines.encoding.renditions import build_package
from pipelines.ladder.ladder import INGEST_CODECS
from pipelines.source.probe import probe
from stores.media import file_digest, media
from tests.pipelines.conftest import Footage

pytestmark = pytest.mark.usefixtures("home")


def test_a_rendition_is_planned_from_all_chunks_in_order_of_time(footage: Footage) -> None:
    plan = plan_package(probe(footage("long.mp4")), INGEST_CODECS)
    assert [planned.track for planned in plan.renditions] == [
        "h264-240p",
        "h264-120p",
        "av1-240p",
        "aac-64k",
        "opus-48k",
    ]
    for picture in plan.pictures:
        assert [planned.chunk.start for planned in picture.chunks] == [0, 8 * picture.timeline.timescale]
        assert all(planned.key == planned.chunk.key for planned in picture.chunks)
        assert sum(len(planned.chunk.times) for planned in picture.chunks) == picture.row["frames"] == 480


def test_a_package_is_made_of_the_planned_results_and_rows(footage: Footage) -> None:
    source = footage("plain.mp4")
    plan = plan_package(probe(source), ["h264"])
    with build_package(source, file_digest(source)) as package:
        assert len(list(plan.list_tasks())) == package.encoded
        assert all(media().find_result(key, ".mp4") for key, _ in plan.list_tasks())
        for planned, rendition in zip(plan.renditions, package.renditions, strict=True):
            assert planned.row.items() <= rendition.as_row().items()


def test_sound_alone_is_planned_without_pictures(footage: Footage) -> None:
    plan = plan_package(probe(footage("sound.mp3")), INGEST_CODECS)
    assert (plan.chunk_plan, plan.pictures) == (None, ())
    assert [sound.row["media"] for sound in plan.sounds] == ["audio", "audio"]
