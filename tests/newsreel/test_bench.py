"""`newsreel bench`: the list of benchmarks, wrong usage, and exit codes."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from benchmarks import registry
from benchmarks.registry import Bench
from benchmarks.report import Figure, Report, Say
from newsreel.command import main
from schemas.errors import DependencyError


def newsreel(*arguments: str) -> int:
    """Run the command; returns its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["bench", *arguments])
    return int(ended.value.code or 0)


@pytest.fixture(autouse=True)
def received(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments received by a fake benchmark: with `--slow` it exceeds its limit, with `--broken` it cannot run."""
    received: list[str] = []

    def quick(arguments: Sequence[str], say: Say) -> Report:
        received.extend(arguments)
        if "--broken" in arguments:
            raise DependencyError("no ffmpeg: install newsreel[media]")
        say("measuring")
        ours = 9.0 if "--slow" in arguments else 1.0
        figure = Figure("ours", ours, "s", limit=2)
        return Report(
            "quick", ours, 2.0, "the peer", "s", [figure], {"cores": 2, "versions": {"python": "3"}}
        )

    monkeypatch.setitem(registry.BENCHES, "quick", Bench("something quick", quick))
    return received


def test_without_a_name_all_are_listed_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel() == 0
    lines = capsys.readouterr().out.splitlines()
    for name, bench in registry.BENCHES.items():
        assert any(line.startswith(name) and bench.line in line for line in lines)


def test_the_list_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel("--json") == 0
    benches = json.loads(capsys.readouterr().out)["benches"]
    assert [bench["name"] for bench in benches] == list(registry.BENCHES)


def test_an_unknown_name_is_wrong_use_and_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel("nosuch", "--json") == 2
    captured = capsys.readouterr()
    error = json.loads(captured.out)["error"]
    assert error["kind"] == "input"
    assert "demo, ingest" in error["detail"]
    assert registry.BENCHES["demo"].line in captured.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "--odd"],
        ["ingest", "--minutes", "0"],
        ["ingest", "--minutes", "1,x"],
        ["demo", "--repeat", "0"],
    ],
)
def test_a_wrong_option_is_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel(*arguments) == 2
    assert f"newsreel bench {arguments[0]} --help" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["demo", "ingest"])
def test_each_bench_lists_its_own_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel(name, "--help") == 0
    assert f"usage: newsreel bench {name}" in capsys.readouterr().out


@pytest.mark.parametrize(("option", "code", "passes"), [("--fast", 0, True), ("--slow", 1, False)])
def test_limits_kept_are_0_and_one_that_is_not_is_1(
    option: str, code: int, passes: bool, received: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert newsreel("quick", option, "--json", "--points", "6") == code
    document = json.loads(capsys.readouterr().out)
    assert (document["name"], document["passes"]) == ("quick", passes)
    assert received == [option, "--points", "6"]


def test_a_bench_that_could_not_run_is_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel("quick", "--broken", "--json") == 3
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "dependency"


def test_a_person_reads_figures_limits_and_conditions(capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel("quick", "--slow") == 1
    printed = capsys.readouterr().out
    assert "quick: ours 9.00 s, the peer 2.00 s, ratio 4.500" in printed
    assert "cores: 2" in printed
    assert "DOES NOT PASS" in printed
