"""`newsreel capacity`: monotonic in users, every figure measured, and docs/capacity.md up to date."""

from __future__ import annotations

import json
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsreel.capacity import page
from newsreel.capacity.demand import Demand
from newsreel.capacity.estimate import Estimate, estimate
from newsreel.capacity.habits import Habits, list_habits, to_option
from newsreel.capacity.machines import Machine
from newsreel.capacity.measured import Figure, Line, fit_line, load_measurements
from newsreel.capacity.prediction import TOLERANCE
from newsreel.capacity.tables import format_figure
from newsreel.command import main
from schemas.errors import DependencyError

ROOT = Path(__file__).parents[2]
FIGURES = [*load_measurements().unit_costs.items(), *load_measurements().checks.items()]


def newsreel(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["capacity", *arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def estimate_for(**habits: float) -> Estimate:
    return estimate(Habits(**habits), load_measurements())


def list_figures(demand: Demand) -> dict[str, float]:
    plain = {one.name: getattr(demand, one.name) for one in fields(demand) if one.name != "stored"}
    return {**plain, **{one.kind: one.bytes_per_day for one in demand.stored}}


@given(st.floats(1, 1e9), st.floats(1, 1e9))
def test_more_users_never_cost_less(one: float, other: float) -> None:
    fewer, more = estimate_for(dau=min(one, other)), estimate_for(dau=max(one, other))
    for name, value in list_figures(fewer.demand).items():
        assert value <= list_figures(more.demand)[name], name
    assert fewer.count_machines() <= more.count_machines()


def test_twice_the_users_ask_for_twice_as_much() -> None:
    once, twice = list_figures(estimate_for(dau=1e6).demand), list_figures(estimate_for(dau=2e6).demand)
    # A refresh and a day's files have a part that is the same for any number of events.
    fixed = {"refresh_core_s_per_day", "events in the lake", "tables in the lake"}
    for name in once.keys() - fixed:
        assert twice[name] == pytest.approx(2 * once[name]), name


@pytest.mark.parametrize("name", [one.name for one in list_habits()])
def test_no_habit_that_grows_makes_anything_cheaper_but_the_edge(name: str) -> None:
    usual = Habits()
    grown = replace(usual, **{name: min(getattr(usual, name) * 2, 1.0 if name == "edge_share" else 1e12)})
    machines = [estimate(habits, load_measurements()).count_machines() for habits in (usual, grown)]
    assert machines == sorted(machines, reverse=name == "edge_share")


def test_an_edge_that_answers_everything_leaves_nothing_to_the_origin() -> None:
    found = estimate_for(edge_share=1.0)
    assert found.demand.origin_bytes_per_s == 0
    assert found.demand.watched_bytes_per_s == estimate_for(edge_share=0).demand.watched_bytes_per_s
    assert [kind.cores for kind in estimate_for(edge_share=0).kinds] == [
        kind.cores for kind in found.without_edge
    ]


def test_machines_are_used_up_to_the_utilisation() -> None:
    tight, loose = (estimate(Habits(), load_measurements(), utilisation=share) for share in (1.0, 0.25))
    for full, spare in zip(tight.kinds, loose.kinds, strict=True):
        assert full.compute_load(tight.machine) * 4 == pytest.approx(spare.compute_load(loose.machine))
        assert full.cores <= full.count(tight.machine) * tight.machine.cores


def test_more_cores_do_not_help_a_single_process() -> None:
    small, large = Machine(cores=2), Machine(cores=64)
    for kind in estimate_for().kinds:
        assert (kind.compute_load(small) == kind.compute_load(large)) == kind.one_core


def test_only_what_there_is_one_of_breaks() -> None:
    for stage in estimate_for().growth:
        for kind in stage.find_full(Machine(2)):
            assert kind.compute_load(Machine(2)) > 1
        limit = stage.find_limit(Machine(2))
        assert limit is None or not limit.several
    assert estimate_for(dau=1e6).growth[-1].find_limit(Machine(2)) is not None


@pytest.mark.parametrize(("name", "figure"), FIGURES)
def test_every_figure_has_its_unit_its_command_and_its_conditions(name: str, figure: Figure) -> None:
    assert figure.value > 0, name
    assert figure.unit
    assert figure.what
    assert figure.command.startswith(("newsreel bench ", "python -m benchmarks.unit_costs "))
    assert {"at", "processor", "cores", "memory_gib", "load_before", "system", "versions"} <= set(
        figure.conditions
    )


def test_a_figure_that_was_not_measured_is_said_with_how_to_measure_it() -> None:
    with pytest.raises(DependencyError, match=r"benchmarks\.unit_costs"):
        load_measurements()["nosuch"]


def test_no_unit_cost_is_taken_from_a_run_that_is_predicted() -> None:
    units = {(one.command, tuple(one.of.items())) for one in load_measurements().unit_costs.values()}
    for one in load_measurements().checks.values():
        assert (one.command, tuple(one.of.items())) not in units


def test_a_line_goes_through_both_of_its_points() -> None:
    def figure(value: float, amount: float) -> Figure:
        return Figure(value, "s", "x", "c", {}, {"events": amount})

    assert fit_line(figure(5, 10), figure(9, 30)) == Line(fixed=3.0, each=0.2)


def test_predictions_are_within_20_percent(capsys: pytest.CaptureFixture[str]) -> None:
    assert estimate_for().predictions
    for one in estimate_for().predictions:
        assert abs(one.off_by) <= TOLERANCE, one.measured.what
    assert newsreel("--check") == 0
    assert "NO" not in capsys.readouterr().out


def test_every_habit_is_an_option_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel("--help") == 0
    printed = capsys.readouterr().out
    for one in list_habits():
        assert to_option(one.name) in printed
        assert one.metadata["source"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--dau", "0"),
        ("--dau", "-5"),
        ("--dau", "nan"),
        ("--dau", "inf"),
        ("--dau", "many"),
        ("--likes", "-1"),
        ("--edge-share", "1.01"),
        ("--peak", "0.5"),
        ("--utilisation", "0"),
        ("--utilisation", "1.1"),
        ("--utilisation", "nan"),
        ("--cores", "0"),
        ("--plot", "picture.pdf"),
    ],
)
def test_nonsense_is_wrong_use_and_says_which_option(
    arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert newsreel(*arguments, "--json") == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert arguments[0] in error["detail"]


def test_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel("--dau", "5e6", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"habits", "machine", "demand", "machines", "growth", "prediction"}
    assert document["habits"]["dau"]["value"] == 5e6
    assert [stage["dau"] for stage in document["growth"]] == [5e6, 5e7, 5e8]
    assert all(one["command"] and one["conditions"] for one in document["prediction"])


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_picture_is_drawn(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"c.{suffix}"
    assert newsreel("--plot", str(path)) == 0
    assert path.stat().st_size > 10_000
    assert "daily users" in capsys.readouterr().out


def test_without_matplotlib_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert newsreel("--plot", str(tmp_path / "c.svg")) == 3
    assert "pip install" in capsys.readouterr().err


def test_the_page_and_its_picture_are_what_is_made_now(tmp_path: Path) -> None:
    from newsreel.capacity.picture import draw

    text = (ROOT / page.PAGE).read_text()
    again = "run `python -m newsreel.capacity.page`"
    assert page.insert_figures(text, estimate_for(), load_measurements()) == text, again
    draw(estimate_for(), tmp_path / "c.svg")
    assert (tmp_path / "c.svg").read_text() == (ROOT / page.PICTURE).read_text(), again


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.03456, "0.0346"), (1.005, "1.00"), (36.99, "37.0"), (999.9, "1,000"), (12345, "12,300")],
)
def test_three_digits_are_said(value: float, text: str) -> None:
    assert format_figure(value) == text
