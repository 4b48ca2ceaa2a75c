"""Operators' decisions on matches, applied to the matches of a video. Tests: tests/jobs/test_match_video.py.

Tests: tests/jobs/test_match_video.py, tests/streaming/api/videos/test_operators.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stores.postgres import Connection

Row = Mapping[str, Any]


def select_duplicates(connection: Connection, video_id: str, matches: Iterable[Row]) -> list[Row]:
    """Those of a video's rows of `matches` that make it a duplicate: whole, and not overruled by an operator."""
    cursor = connection.execute(
        "SELECT reference_video_id FROM match_decisions WHERE video_id = %s", (video_id,)
    )
    overruled = {row["reference_video_id"] for row in cursor.fetchall()}
    return [
        match
        for match in matches
        if match["kind"] == "whole" and match["reference_video_id"] not in overruled
    ]
