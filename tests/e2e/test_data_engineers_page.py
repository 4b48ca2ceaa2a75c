"""Walkthrough of docs/data-engineers.md in a clean clone: files written, commands run, output compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from newsreel.embedded.postgres import EmbeddedPostgres
from tests.e2e.house import wait_for
from tests.processes import kill_tree

PROJECT = Path(__file__).parent.parent.parent
PAGE = PROJECT / "docs" / "data-engineers.md"
BLOCK = re.compile(
    r'^```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL
)
SECOND_SHELL = "a second shell"
UNTIL_S = 600.0
"""Time limit for the expected output of a query: Airflow runs in the background."""
SHELL = """
set -eo pipefail
source "$STATE"
# The clone uses this test's environment, so skip the set-up.
make() {{ command make -o setup "$@"; }}
{commands}
export -p > "$STATE"
"""

pytestmark = pytest.mark.timeout(3600)


@dataclass(frozen=True)
class Block:
    """A fenced block of the page; `title` is the path of a file, or names the shell."""

    kind: str
    title: str | None
    text: str


class Reader:
    """Reader who follows the page in a clone."""

    def __init__(self, clone: Path, environment: dict[str, str]) -> None:
        self.clone, self.home = clone, clone / ".newsreel"
        self._state = clone.parent / "state"
        self._state.touch()
        self._environment = {**environment, "STATE": str(self._state)}
        self._second: list[subprocess.Popen[bytes]] = []

    def follow(self, blocks: list[Block]) -> None:
        """Execute each block, and compare with the output that the page shows."""
        for block, after in zip(blocks, [*blocks[1:], None], strict=True):
            if block.title == SECOND_SHELL:
                self._type_in_second_shell(block.text)
            elif block.kind == "diff":
                self._edit(block)
            elif block.title:
                self._write(block)
            elif block.kind == "sh":
                self._type(block.text, after.text if after and after.kind == "output" else None)

    def leave(self) -> None:
        """Stop the stack and the second shell; kill them if that fails."""
        try:
            self._run("newsreel down || true")
            for process in self._second:
                process.wait(60)
        finally:
            for process in self._second:
                kill_tree(process.pid)
                process.wait()

    def _write(self, block: Block) -> None:
        path = self.clone / str(block.title)
        assert not path.exists(), f"{block.title} already exists"
        path.write_text(block.text)

    def _edit(self, block: Block) -> None:
        """Apply a diff. The context and removed lines of each hunk, separated by `...`, must occur exactly once."""
        path = self.clone / str(block.title)
        for piece in block.text.split("...\n"):
            lines = piece.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] in " -")
            assert path.read_text().count(before) == 1, f"{block.title} has no such lines:\n{before}"
            after = "".join(line[1:] for line in lines if line[0] in " +")
            path.write_text(path.read_text().replace(before, after))

    def _type(self, commands: str, shown: str | None) -> None:
        asks = all(line.startswith("newsreel sql ") for line in commands.splitlines())
        deadline = time.monotonic() + (UNTIL_S if asks else 0)
        while True:
            output = self._run(commands)
            if shown is None or output == shown:
                return
            assert time.monotonic() < deadline, f"{commands}\n--- output\n{output}\n--- page\n{shown}"

    def _run(self, commands: str) -> str:
        began = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", SHELL.format(commands=commands)],
            check=False, cwd=self.clone, env=self._environment, capture_output=True, text=True,
        )  # fmt: skip
        print(f"{time.monotonic() - began:.1f} s: {commands}")
        assert done.returncode == 0, f"{commands}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def _type_in_second_shell(self, command: str) -> None:
        log = self.clone.parent / "second-shell.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", f'source "$STATE"; exec {command}'],
                cwd=self.clone, env=self._environment, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self._second.append(process)
        wait_for(lambda: "Ctrl-C" in log.read_text() or None, "a healthy stack")


def git(*arguments: str | Path, folder: Path = PROJECT) -> str:
    named = ["-c", "user.name=reader", "-c", "user.email=reader@example.org"]
    return subprocess.check_output(["git", "-C", str(folder), *named, *map(str, arguments)], text=True)


def list_files(*which: str) -> list[str]:
    return git("ls-files", *which, "-z").split("\0")[:-1]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Reader in a clone of the work tree, uncommitted files included."""
    clone = tmp_path / "newsreel"
    git("clone", "--quiet", PROJECT, clone)
    for name in list_files("--modified", "--others", "--exclude-standard"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).unlink(missing_ok=True)
        if (PROJECT / name).exists():
            shutil.copy2(PROJECT / name, clone / name)
    git("add", "--all", folder=clone)
    git("commit", "--quiet", "--allow-empty", "--message", "as it is now", folder=clone)
    (clone / ".venv").symlink_to(sys.prefix)
    if (PROJECT / ".mypy_cache").exists():  # types of libraries, half a minute
        shutil.copytree(PROJECT / ".mypy_cache", clone / ".mypy_cache")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSREEL_")}
    found = Reader(clone, {**kept, "PYTHONPATH": str(clone)})
    try:
        yield found
        found.leave()
    finally:
        shutil.rmtree(EmbeddedPostgres(found.home).folder, ignore_errors=True)


def test_the_page_leads_from_a_clean_clone_to_a_table_and_a_dag(reader: Reader) -> None:
    reader.follow([Block(**found.groupdict()) for found in BLOCK.finditer(PAGE.read_text())])
