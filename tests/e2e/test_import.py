"""`newsreel import` end to end: killed and repeated, its rows reach the lake, and a repeat changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.house import House

pytestmark = pytest.mark.timeout(3600)

AT = "2026-11-23T10:00:00Z"


def test_a_killed_import_is_made_whole_by_the_next_and_a_repeat_changes_nothing(
    house: House, tmp_path: Path
) -> None:
    videos, users = tmp_path / "videos.csv", tmp_path / "users.ndjson"
    videos.write_text(f"video_id,title,uploader_id,status,created\nv1,A,u1,ready,{AT}\nv2,B,u1,odd,{AT}\n")
    users.write_text(f'{{"user_id": "u1", "user_name": "ann", "email": "a@b", "created": "{AT}"}}\n')
    process = house.start("import", "videos", videos)
    assert process.stderr is not None
    assert any("refreshing the tables" in line for line in process.stderr)
    process.kill()
    process.communicate()

    assert house.json("import", "users", users) == {"table": "users", "rows": 1, "landed": 1, "rejected": 0}
    named = house.sql("SELECT user_name, email FROM users", personal=True)
    assert named == [{"user_name": "ann", "email": "a@b"}]
    held = "SELECT video_id, title, visibility, reasons, likes FROM videos"
    row = {"video_id": "v1", "title": "A", "visibility": "public", "reasons": [], "likes": 0}
    assert house.sql(held) == [row]
    [refused] = house.sql("SELECT reason FROM rejected_rows")
    assert 'row 2 (line 3): status = "odd" is not one of uploading, ' in refused["reason"]

    before = house.tables(), house.lake.version("events")
    answer = {"table": "videos", "rows": 2, "landed": 1, "rejected": 1}
    assert house.json("import", "videos", videos) == answer
    assert (house.tables(), house.lake.version("events")) == before
