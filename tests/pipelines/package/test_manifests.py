"""Manifests: rates as in RFC 8216, and files as players read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.package.manifests import (
    MediaPlaylist,
    Rates,
    Segment,
    list_dash_files,
    list_hls_files,
    measure_rates,
    read_playlist,
    rewrite_master,
)
from schemas.errors import MediaToolError


def rendition(folder: Path, target_s: int, segments: list[tuple[float, int]]) -> Path:
    folder.mkdir(parents=True)
    lines = ["#EXTM3U", f"#EXT-X-TARGETDURATION:{target_s}", '#EXT-X-MAP:URI="init.mp4"']
    (folder / "init.mp4").write_bytes(bytes(10_000))
    for number, (length, size) in enumerate(segments):
        (folder / f"{number}.m4s").write_bytes(bytes(size))
        lines += [f"#EXTINF:{length:.3f},", f"{number}.m4s"]
    (folder / "media.m3u8").write_text("\n".join([*lines, "#EXT-X-ENDLIST"]))
    return folder


def test_a_playlist_is_read(tmp_path: Path) -> None:
    found = read_playlist(rendition(tmp_path / "a", 4, [(4, 1), (3.5, 1)]) / "media.m3u8")
    assert found == MediaPlaylist(4, "init.mp4", (Segment(4.0, "0.m4s"), Segment(3.5, "1.m4s")))
    assert found.duration_s == 7.5


def test_an_incomplete_playlist_is_refused(tmp_path: Path) -> None:
    (tmp_path / "media.m3u8").write_text("#EXTM3U\n")
    with pytest.raises(MediaToolError, match="no complete media playlist"):
        read_playlist(tmp_path / "media.m3u8")


@pytest.mark.parametrize(
    ("segments", "peak_bps"),
    [
        ([(4, 4000), (4, 8000)], 16_000),
        (
            [(4, 4000), (1, 8000), (4, 4000)],
            19_200,
        ),  # a run needs the short segment and a neighbour
        ([(2, 4000), (2, 4000), (2, 1000)], 16_000),
        ([(1, 500)], 4_000),  # too short for any run: the whole
    ],
)
def test_the_peak_is_that_of_any_run_of_half_to_one_and_a_half_targets(
    tmp_path: Path, segments: list[tuple[float, int]], peak_bps: int
) -> None:
    found = measure_rates(rendition(tmp_path / "a", 4, segments))
    assert found.peak_bps == peak_bps
    assert found.bitrate_bps == round(
        8 * sum(size for _, size in segments) / sum(length for length, _ in segments)
    )


def test_bandwidth_counts_the_sound_that_plays_with_the_picture(tmp_path: Path) -> None:
    master = tmp_path / "master.m3u8"
    master.write_text(
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI="aac/media.m3u8",GROUP-ID="sound",DEFAULT=NO\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=1,AUDIO="sound"\nh264/media.m3u8\n'
    )
    rewrite_master(
        master,
        {"aac": "aac-1", "h264": "h264-2"},
        {"aac": Rates(10, 20), "h264": Rates(300, 400)},
        {"aac": "aac", "h264": "h264"},
        "",
    )
    assert master.read_text() == (
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI="aac-1/media.m3u8",GROUP-ID="sound",DEFAULT=YES\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=420,AVERAGE-BANDWIDTH=310,AUDIO="sound"\nh264-2/media.m3u8\n'
    )


def test_both_manifests_tell_their_files(tmp_path: Path) -> None:
    rendition(tmp_path / "v", 4, [(4, 1), (4, 1), (2, 1)])
    (tmp_path / "master.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/media.m3u8\n")
    (tmp_path / "manifest.mpd").write_text(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation>'
        '<SegmentTemplate initialization="v/init.mp4" media="v/$Number$.m4s" startNumber="0"><SegmentTimeline>'
        '<S t="0" d="4" r="1"/><S d="2"/></SegmentTimeline></SegmentTemplate>'
        "</Representation></AdaptationSet></Period></MPD>"
    )
    assert (
        list_hls_files(tmp_path)
        == list_dash_files(tmp_path)
        == {"v/init.mp4", "v/0.m4s", "v/1.m4s", "v/2.m4s"}
    )
