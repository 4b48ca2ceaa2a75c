#!/usr/bin/env python3
"""Test place check: every module has its tests at the mirrored path, or says where they are.

`x/y.py` is tested by `tests/x/test_y.py`, or its docstring has a line `Tests: tests/x/test_z.py, tests/e2e/test_w.py.`
(existing paths, folders included). Such a line in a package's `__init__.py` holds for every module of that package that
has none of its own. Exempt: `__init__.py`, `__main__.py` and committed migrations.

`python .ci/test_places.py [--list] [--under PATH]` prints the counts and exits 1 if a module has no place or names a
path that does not exist; `--list` prints each of them. Needs the standard library alone.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]
ROOMS = ("schemas", "stores", "pipelines", "jobs", "dags", "streaming", "newsreel", "benchmarks")
EXEMPT = re.compile(r"(^|/)__(init|main)__\.py$|^stores/migrations/(versions/|env\.py$)")
LINE = re.compile(r"^Tests: (?P<paths>.+?)\.?$", re.MULTILINE)


def list_modules() -> list[str]:
    """Paths of the rooms' modules that git tracks or would add, relative to the project."""
    command = [
        "git",
        "-C",
        str(PROJECT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        *ROOMS,
    ]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in set(names) if name.endswith(".py") and (PROJECT / name).exists())


def mirror_path(module: str) -> str:
    """Where the tests of `x/y.py` are expected: `tests/x/test_y.py`."""
    path = Path(module)
    return str(Path("tests") / path.parent / f"test_{path.name}")


def read_places(module: str) -> list[str]:
    """The paths in the `Tests:` line of a module's docstring; empty without one."""
    path = PROJECT / module
    docstring = ast.get_docstring(ast.parse(path.read_text())) if path.exists() else None
    found = LINE.search(docstring or "")
    return re.split(r",\s*|\s+and\s+", found["paths"].replace("`", "")) if found else []


def find_problem(module: str) -> str | None:
    """What is wrong with a module's place of tests, in words; None if nothing is."""
    own = read_places(module)
    places = own or read_places(str(Path(module).parent / "__init__.py"))
    missing = [place for place in places if not place.startswith("tests/") or not (PROJECT / place).exists()]
    if missing:
        return f"`Tests:` names {', '.join(missing)}, which is not a path under tests/"
    if not places and not (PROJECT / mirror_path(module)).exists():
        return f"there is no {mirror_path(module)} and no `Tests:` line"
    return None


def main() -> int:
    """Check every module; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print every module that fails")
    parser.add_argument("--under", default="", help="check only modules under this path")
    arguments = parser.parse_args()
    modules = [
        name for name in list_modules() if name.startswith(arguments.under) and not EXEMPT.search(name)
    ]
    problems = {name: problem for name in modules if (problem := find_problem(name))}
    mirrored = sum((PROJECT / mirror_path(name)).exists() for name in modules)
    if arguments.list:
        for name, problem in problems.items():
            print(f"{name}: {problem}")
    print(
        f"test places: {len(modules)} modules, {mirrored} mirrored, {len(problems)} without a place (limit 0)"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
