"""Unit costs from documents, with command and conditions; figures of other runs stay in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.unit_costs.__main__ import main
from benchmarks.unit_costs.cost import Cost
from benchmarks.unit_costs.documents import extract_costs
from benchmarks.unit_costs.live import CoreSeconds, take_least
from schemas.errors import InputError


def build_document(name: str, figures: dict[str, float | None], **conditions: Any) -> dict[str, Any]:
    rows = [{"name": figure, "value": value, "unit": "s"} for figure, value in figures.items()]
    return {"name": name, "figures": rows, "conditions": {"cores": 2, **conditions}}


def build_ingest(minutes: float, seed: int, cpu_s: float = 80.0) -> dict[str, Any]:
    figures: dict[str, float | None] = {f"{minutes:g} min: CPU of the whole stack": cpu_s}
    return build_document("ingest", figures, minutes=[minutes], seed=seed, peak_mib_by_program={"x": 1})


def test_footage_of_the_usual_seed_gives_a_unit_cost_and_another_a_check() -> None:
    usual, other = extract_costs(build_ingest(1, 0)), extract_costs(build_ingest(3, 2))
    assert [cost.name for cost in usual.unit_costs] == ["ingest_1_min"]
    assert not usual.checks
    assert [(cost.name, cost.of) for cost in other.checks] == [("ingest_check", {"video_s": 180})]
    assert not other.unit_costs
    assert other.command == "newsreel bench ingest --minutes 3 --seed 2 --json"
    assert other.conditions == {"cores": 2, "minutes": [3], "seed": 2}


def test_a_document_that_tells_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="bench 'kills' has no unit costs"):
        extract_costs(build_document("kills", {}))
    with pytest.raises(InputError, match="has no figure"):
        extract_costs(build_document("api", {"uploads: 50 at once": None}))


def test_a_run_takes_the_place_of_what_it_gave_before_and_leaves_the_others(tmp_path: Path) -> None:
    out = tmp_path / "measured.json"
    for number, one in enumerate(
        (build_ingest(1, 0), build_ingest(10, 0, 800.0), build_ingest(1, 0, 90.12345))
    ):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(one))
        assert main(["--out", str(out), "--only", "", str(file)]) == 0
    written = json.loads(out.read_text())
    assert {name: cost["value"] for name, cost in written["unit_costs"].items()} == {
        "ingest_10_min": 800.0,
        "ingest_1_min": 90.12,
    }
    assert {cost["run"] for cost in written["unit_costs"].values()} == set(written["runs"])


def test_a_figure_has_four_digits() -> None:
    assert Cost("x", 123456.7, "bytes", "x").as_dict("run")["value"] == 123500
    assert "of" not in Cost("x", 1, "bytes", "x").as_dict("run")


def test_the_least_disturbed_round_of_each_program_counts() -> None:
    assert take_least([CoreSeconds(3, 1), CoreSeconds(2, 4)]) == CoreSeconds(2, 1)
