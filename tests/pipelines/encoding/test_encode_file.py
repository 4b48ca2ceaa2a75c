"""`newsreel encode`: the report that scripts expect, and a folder that is replaced as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.encoding.encode_file import encode_file
from pipelines.package.manifests import list_hls_files
from schemas.errors import DependencyError, InputError
from tests.pipelines.conftest import Footage
from tests.pipelines.measure import check_playback, digest_folder

pytestmark = pytest.mark.usefixtures("home")


def test_a_file_becomes_a_package_and_a_repeat_encodes_nothing(footage: Footage, tmp_path: Path) -> None:
    out, calls = tmp_path / "out", []
    report = encode_file(footage("plain.mp4"), out, workers=2, on_progress=lambda *call: calls.append(call))
    assert set(report) == {
        "out", "duration_s", "frames", "renditions", "audio", "hls", "dash", "reused_chunks", "encoded_chunks",
    }  # fmt: skip
    assert (report["frames"], report["reused_chunks"], report["encoded_chunks"]) == (72, 0, 4)
    assert [(row["codec"], row["width"], row["height"], row["frames"]) for row in report["renditions"]] == [
        ("h264", 320, 240, 72),
        ("h264", 160, 120, 72),
    ]
    assert all(0 < row["bitrate_bps"] <= row["peak_bps"] and row["vmaf"] > 20 for row in report["renditions"])
    assert [(row["codec"], row["channels"]) for row in report["audio"]] == [("aac", 1), ("opus", 1)]
    assert [call for call in calls if call[2] == "encode"] == [(done, 4, "encode") for done in range(5)]
    check_playback(out / report["hls"])

    first = digest_folder(out)
    (out / "stray").touch()
    again = encode_file(footage("plain.mp4"), out)
    assert again == {**report, "reused_chunks": 4, "encoded_chunks": 0}
    assert digest_folder(out) == first
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_is_no_package_is_never_replaced(footage: Footage, tmp_path: Path) -> None:
    out = tmp_path / "photos"
    out.mkdir()
    (out / "holiday.jpg").touch()
    with pytest.raises(InputError, match="not empty and not a package"):
        encode_file(footage("plain.mp4"), out)
    assert digest_folder(out).keys() == {"holiday.jpg"}
    with pytest.raises(InputError, match="not a folder"):
        encode_file(footage("plain.mp4"), out / "holiday.jpg")


@pytest.mark.parametrize("codecs", [["h264", "vp8"], ["nonsense"], []])
def test_an_unknown_codec_is_a_missing_dependency(
    footage: Footage, tmp_path: Path, codecs: list[str]
) -> None:
    with pytest.raises(DependencyError, match="choose from h264, hevc, vp9, av1"):
        encode_file(footage("plain.mp4"), tmp_path / "out", codecs=codecs)


def test_what_is_no_video_leaves_an_earlier_package_alone(footage: Footage, tmp_path: Path) -> None:
    encode_file(footage("sound.m4a"), tmp_path / "out")
    before = digest_folder(tmp_path / "out")
    (tmp_path / "text.mp4").write_text("Hello")
    for path in (tmp_path / "text.mp4", tmp_path / "nowhere.mp4"):
        with pytest.raises(InputError):
            encode_file(path, tmp_path / "out")
    assert digest_folder(tmp_path / "out") == before


def test_sound_alone_has_no_renditions_of_picture(footage: Footage, tmp_path: Path) -> None:
    report = encode_file(footage("sound.m4a"), tmp_path / "out")
    assert (report["frames"], report["renditions"], len(report["audio"])) == (0, [], 2)
    assert len(list_hls_files(tmp_path / "out")) >= 2
