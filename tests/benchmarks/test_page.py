"""Markdown sections from the JSON output of the benches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.page import main
from benchmarks.report import Figure, Report


def test_a_document_becomes_a_section(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = [Figure("overhead", 31.25, "s", limit=45, target=20), Figure("hours", None, "h")]
    report = Report(
        "demo",
        73.4,
        25.7,
        "by hand",
        "s",
        figures,
        {"cores": 2, "versions": {"python": "3.11"}},
        {"JVM": 2.0},
    )
    file = tmp_path / "demo.json"
    file.write_text(json.dumps(report.as_dict()))
    assert main([str(file)]) == 0
    said = capsys.readouterr().out
    assert "### `demo`: passes" in said
    assert "Ours 73.4 s, by hand 25.7 s, ratio 2.86." in said
    assert "| overhead | 31.2 s | ≤ 45 s | 20 s |" in said
    assert "| hours | not measured |  |  |" in said
    assert "| JVM | 2 |" in said
    assert "Conditions: cores 2. Versions: python 3.11." in said
