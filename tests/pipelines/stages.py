"""A stored video, and stage programs run on it as Airflow runs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stores.delta import Lake, lake
from stores.media import media
from stores.outbox import find_row, upsert_row
from stores.postgres import connect

TABLES = ("chunks", "inspections", "fingerprints", "matches", "renditions")
Main = Callable[[Sequence[str]], int]


@dataclass
class StoredVideo:
    """One video whose source is in the media store; `outcome` is that of the last stage that ran."""

    source: Path
    folder: Path
    video_id: str = "v"
    outcome: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stored = media().add_source(self.source)
        values = {
            "title": "Footage",
            "uploader_id": "u",
            "status": "uploading",
            "sha256": stored.sha256,
            "size_bytes": stored.size_bytes,
            "created": datetime(2026, 1, 1, tzinfo=UTC),
        }
        with connect() as connection:
            upsert_row(connection, "videos", {"video_id": self.video_id}, values)

    def run(self, main: Main, attempt: int = 1) -> int:
        """Run one stage; returns its exit status."""
        outcome = self.folder / "outcome.json"
        outcome.unlink(missing_ok=True)
        arguments = [
            "--video-id",
            self.video_id,
            "--run-id",
            "v-1",
            "--attempt",
            str(attempt),
            "--outcome",
            str(outcome),
        ]
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = int(ended.code or 0)
        self.outcome = json.loads(outcome.read_text()) if outcome.exists() else {}
        return status

    def read_row(self) -> dict[str, Any]:
        """Read the live row."""
        with connect() as connection:
            found = find_row(connection, "videos", {"video_id": self.video_id})
        assert found is not None
        return found

    def count_events(self) -> int:
        """Count the events in the outbox."""
        with connect() as connection:
            [counted] = connection.execute("SELECT count(*) AS number FROM events").fetchall()
        return int(counted["number"])

    def read_rows(self, name: str) -> list[dict[str, Any]]:
        """Read the video's rows of a lake table."""
        return lake().read(name, where={"video_id": self.video_id}).to_pylist()


def read_versions(tables: Lake) -> dict[str, int]:
    """Version of each table that a stage writes: a repeat must not increase one."""
    return {name: tables.version(name) for name in TABLES}
