"""The `newsreel` command line: version, help screens, and wrong usage."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest
import typer

from newsreel.command import app, main

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def newsreel(*arguments: str) -> int:
    """Run the command; returns its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel("--version") == 0
    printed = capsys.readouterr().out
    assert printed == f"newsreel {version('newsreel')}\n"
    assert re.fullmatch(r"newsreel \d+\.\d+\.\d+\S*\n", printed)


def test_help_lists_every_command_with_a_whole_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel("--help") == 0
    lines = capsys.readouterr().out.splitlines()
    for name in COMMANDS:
        [line] = [line for line in lines if line.startswith(f"  {name} ")]
        assert line.endswith("."), line
        assert not line.endswith("..."), line


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "bench"])
def test_every_command_explains_itself_and_its_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel(name, "--help") == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"Usage: newsreel {name}")
    assert not re.search(r"^ +--[a-z-]+ <(str|path|int|float|list)", printed, re.MULTILINE), (
        "values have names"
    )


def test_no_command_is_wrong_usage_and_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel() == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Commands:" in captured.err
    assert "error: Missing command." in captured.err


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert newsreel("nosuch") == 2
    assert "No such command 'nosuch'" in capsys.readouterr().err
