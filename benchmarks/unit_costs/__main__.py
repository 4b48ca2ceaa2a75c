"""Measured unit costs for `newsreel capacity`: `python -m benchmarks.unit_costs --out FILE DOCUMENT...`.

DOCUMENTs are outputs of `newsreel bench NAME --json`; figures that these lack are measured here, each part on servers
of its own. Figures of other runs stay in FILE, so that parts can be measured one by one.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import read_conditions
from benchmarks.report import Say
from benchmarks.unit_costs import limits, live, one_video, synthetic_days
from benchmarks.unit_costs.cost import Cost, RunCosts
from benchmarks.unit_costs.documents import extract_costs
from schemas.errors import NewsreelError

COMMAND = "python -m benchmarks.unit_costs --only {}"
PARTS: Mapping[str, Callable[[int, Say], tuple[Sequence[Cost], Sequence[Cost]]]] = {
    "live": live.measure,
    "made-days": lambda _, say: synthetic_days.measure(say),
    "one-video": lambda _, say: (one_video.measure(say), ()),
    "limits": lambda _, say: (limits.measure(say), ()),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and write the file. Exit code of the error if a measurement fails."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unit_costs", description=__doc__)
    parser.add_argument("documents", nargs="*", type=Path, metavar="DOCUMENT")
    parser.add_argument(
        "--out", type=Path, required=True, help="file to write; figures of other runs stay in it"
    )
    parser.add_argument(
        "--only",
        type=_parse_parts,
        default=list(PARTS),
        help=f"parts to measure, separated by commas; '' for none (default: {','.join(PARTS)})",
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the requests (default: 1)")
    given = parser.parse_args(argv)
    try:
        for one in _measure(given.documents, given.only, given.seed):
            _write(given.out, one)
    except NewsreelError as error:
        _say(f"error: {error.detail}")
        return error.exit_code
    return 0


def _measure(documents: Sequence[Path], parts: Sequence[str], seed: int) -> Iterator[RunCosts]:
    for path in documents:
        yield extract_costs(json.loads(path.read_text()))
    for part in parts:
        conditions = read_conditions(seed=seed)
        unit_costs, checks = PARTS[part](seed, _say)
        yield RunCosts(part, COMMAND.format(part), conditions, unit_costs, checks)


def _write(path: Path, found: RunCosts) -> None:
    """Replace the figures of a run in the file."""
    document: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    runs = document.get("runs", {})
    runs[found.run] = {"command": found.command, "conditions": dict(found.conditions)}
    written: dict[str, Any] = {"runs": runs}
    for kind, costs in (("unit_costs", found.unit_costs), ("checks", found.checks)):
        others = {name: cost for name, cost in document.get(kind, {}).items() if cost["run"] != found.run}
        written[kind] = {**others, **{cost.name: cost.as_dict(found.run) for cost in costs}}
    path.write_text(json.dumps(written, indent=2) + "\n")


def _parse_parts(text: str) -> list[str]:
    some = [part for part in text.split(",") if part]
    for part in some:
        if part not in PARTS:
            raise argparse.ArgumentTypeError(f"unknown part {part!r}; choose from {', '.join(PARTS)}")
    return some


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
