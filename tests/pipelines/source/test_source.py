"""Source: recognized by its content instead of its name; a file that is unfit says why."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from pipelines.source.faults import UnfitSourceError
from pipelines.source.packets import read_packets
from pipelines.source.probe import probe
from schemas.errors import InputError
from tests.pipelines.conftest import Footage, ffmpeg

SUBTITLES = "1\n00:00:00,000 --> 00:00:02,000\nHello\n\n2\n00:00:02,000 --> 00:00:03,000\nWorld\n"
ANSI_ART = "\x1b[31m\x1b[44mHello\x1b[0m\r\n" * 50


def find_fault_kind(path: Path) -> str:
    with pytest.raises(UnfitSourceError) as caught:
        probe(path)
    assert str(path) in caught.value.detail
    return caught.value.fault.kind


@pytest.mark.parametrize("text", ["Dear diary,\n" * 200, SUBTITLES, ANSI_ART, "\x00" * 5000], ids=repr)
@pytest.mark.parametrize("name", ["video.mp4", "video.ans", "video.srt", "video"])
def test_text_is_no_video_whatever_it_is_called(tmp_path: Path, text: str, name: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert find_fault_kind(path) == "not_a_video"


def test_an_empty_file_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert find_fault_kind(path) == "empty"


@pytest.mark.parametrize("name", ["still.jpg", "still.gif"])
@pytest.mark.parametrize("suffix", ["", ".mp4"])
def test_a_picture_is_still(footage: Footage, tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(footage(name).read_bytes())
    assert find_fault_kind(path) == "still_picture"


def test_subtitles_alone_are_neither_picture_nor_sound(tmp_path: Path) -> None:
    (tmp_path / "text.srt").write_text(SUBTITLES)
    ffmpeg("-i", str(tmp_path / "text.srt"), str(tmp_path / "text.mkv"))
    assert find_fault_kind(tmp_path / "text.mkv") == "not_a_video"


def test_a_file_whose_index_is_cut_off_is_truncated(footage: Footage, tmp_path: Path) -> None:
    whole = footage("long.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) // 2])
    assert find_fault_kind(path) == "truncated"


def test_what_cannot_be_read_is_wrong_use(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "nowhere", tmp_path, tmp_path / "pipe", Path("\x00")):
        with pytest.raises(InputError) as caught:
            probe(path)
        assert not isinstance(caught.value, UnfitSourceError)
        assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["sound.m4a", "sound.mp3"])
def test_sound_alone_is_a_source(footage: Footage, name: str) -> None:
    source = probe(footage(name))
    assert source.video is None
    assert source.audio is not None
    assert source.duration_s == pytest.approx(3, abs=0.1)
    assert read_packets(source) == []


def test_a_cover_is_no_video(footage: Footage, tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    cover = ("-map", "0:a", "-map", "1:v", "-c", "copy", "-disposition:v", "attached_pic")
    ffmpeg("-i", str(footage("sound.mp3")), "-i", str(footage("still.jpg")), *cover, str(path))
    assert probe(path).video is None


def test_a_turned_picture_is_shown_upright(footage: Footage) -> None:
    video = probe(footage("rotated.mp4")).video
    assert video is not None
    assert video.rotation == 270  # stored as "turn by 90 against the clock to show"
    assert video.shown_size == (240, 320)


def test_wide_pixels_are_counted_as_square_ones(footage: Footage) -> None:
    video = probe(footage("anamorphic.mp4")).video
    assert video is not None
    assert video.sample_aspect == Fraction(16, 11)
    assert video.shown_size == (512, 288)


def test_the_length_does_not_count_from_a_late_start(footage: Footage) -> None:
    assert probe(footage("late-start.mkv")).duration_s == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize("name", ["plain.mp4", "mpeg2.ts", "vp9.webm"])
def test_packets_are_read_in_decoding_order_with_their_places(footage: Footage, name: str) -> None:
    source = probe(footage(name))
    packets = read_packets(source)
    assert len(packets) == 72
    assert packets[0].key
    assert all(packet.position is not None and packet.position < source.size_bytes for packet in packets)


def test_pictures_that_an_edit_list_hides_are_marked(footage: Footage) -> None:
    packets = read_packets(probe(footage("edit-list.mp4")))
    assert any(packet.discard for packet in packets)
    assert not all(packet.discard for packet in packets)
