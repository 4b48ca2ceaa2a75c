"""Faults: the reasons that users get."""

from __future__ import annotations

from pipelines.source import faults
from pipelines.source.faults import Fault, list_reasons


def damage(*starts_s: float) -> list[Fault]:
    return [
        Fault(faults.DECODE_ERROR, "the picture is damaged", start_s=start, end_s=start + 0.5)
        for start in starts_s
    ]


def test_the_same_fault_in_several_places_is_one_reason() -> None:
    assert list_reasons(damage(7.0, 1.0)) == [
        "decode_error at 1.0-1.5 s and 7.0-7.5 s: the picture is damaged"
    ]


def test_damage_all_over_the_file_stays_one_line() -> None:
    [reason] = list_reasons(damage(*range(300)))
    assert reason.startswith("decode_error at 0.0-0.5 s, 1.0-1.5 s, ")
    assert reason.endswith("4.0-4.5 s and elsewhere: the picture is damaged")


def test_what_has_no_place_in_time_is_told_without_one() -> None:
    assert list_reasons([Fault(faults.EMPTY, "the file is empty")]) == ["empty: the file is empty"]


def test_warnings_are_no_reason() -> None:
    assert list_reasons([Fault(faults.TRUNCATED, "a little is missing", severity="warning")]) == []


def test_a_fault_comes_back_from_its_row() -> None:
    [fault] = damage(2.0)
    assert Fault.from_row({**fault.as_row(), "video_id": "v", "fault_id": "f"}) == fault
