"""A video that somebody brought, and stage programs run on it as Airflow would."""

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
class Brought:
    """One video under `video_id`; `outcome` is what the last stage told the next."""

    source: Path
    folder: Path
    video_id: str = "v"
    outcome: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        held = media().add_source(self.source)
        values = {
            "title": "Footage",
            "uploader_id": "u",
            "status": "uploading",
            "sha256": held.sha256,
            "size_bytes": held.size_bytes,
            "created": datetime(2026, 1, 1, tzinfo=UTC),
        }
        with connect() as connection:
            upsert_row(connection, "videos", {"video_id": self.video_id}, values)

    def run(self, main: Main, attempt: int = 1) -> int:
        """Run one stage; returns its exit status."""
        written = self.folder / "outcome.json"
        written.unlink(missing_ok=True)
        arguments = [
            "--video-id",
            self.video_id,
            "--run-id",
            "v-1",
            "--attempt",
            str(attempt),
            "--outcome",
            str(written),
        ]
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = int(ended.code or 0)
        self.outcome = json.loads(written.read_text()) if written.exists() else {}
        return status

    def row(self) -> dict[str, Any]:
        """The live row."""
        with connect() as connection:
            found = find_row(connection, "videos", {"video_id": self.video_id})
        assert found is not None
        return found

    def events(self) -> int:
        """How many changes the outbox has recorded."""
        with connect() as connection:
            [counted] = connection.execute("SELECT count(*) AS number FROM events").fetchall()
        return int(counted["number"])

    def rows(self, name: str) -> list[dict[str, Any]]:
        """What the lake holds of the video."""
        return lake().read(name, where={"video_id": self.video_id}).to_pylist()


def versions(tables: Lake) -> dict[str, int]:
    """Version of each table that a stage writes: a repeat must not raise one."""
    return {name: tables.version(name) for name in TABLES}
