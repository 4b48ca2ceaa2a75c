"""Conclusions of the lake bench from given measurements."""

from __future__ import annotations

import pytest

from benchmarks.lake.history import find_crossing


@pytest.mark.parametrize(
    ("points", "size"),
    [
        ([(1, 2.0), (5, 9.0)], 1),
        ([(1, -4.0), (5, 4.0), (20, 30.0)], 3),
        ([(1, -4.0), (5, -2.0), (20, 1.0)], 15),
        ([(1, -4.0), (5, -3.0)], None),
    ],
)
def test_where_a_refresh_begins_to_win(points: list[tuple[float, float]], size: float | None) -> None:
    assert find_crossing(points) == (None if size is None else pytest.approx(size))
