"""`newsreel bench`: one benchmark against its peer in the same run.

Tests: tests/newsreel/test_bench.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from newsreel import console
from newsreel.commands.options import Json
from schemas.errors import InputError

if TYPE_CHECKING:
    from benchmarks.report import Report


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    # Everything after the name belongs to the benchmark, `--help` included.
    pass_through = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    app.command("bench", context_settings=pass_through)(run_bench)


def run_bench(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A benchmark; without it, all are listed.")] = None,
    as_json: Json = False,
) -> int:
    """Run one benchmark against its peer.

    `newsreel bench NAME --help` lists the options of a benchmark.

    Exit status: 0 within all limits, 1 a limit exceeded, 3 the benchmark could not run.
    """
    from benchmarks.registry import BENCHES

    if name is None or name.startswith("-"):
        if as_json:
            console.emit({"benches": [{"name": name, "line": bench.line} for name, bench in BENCHES.items()]})
        else:
            rows = ((name, bench.line) for name, bench in BENCHES.items())
            console.print_table("", ("bench", "measures"), rows)
        return 0
    bench = BENCHES.get(name)
    if bench is None:
        for known, other in BENCHES.items():
            console.say(f"{known:10}{other.line}")
        raise InputError(f"unknown benchmark {name!r}; choose one of {', '.join(BENCHES)}")
    report = bench.run(context.args, console.say)
    if as_json:
        console.emit(report.as_dict())
    else:
        _print_report(report)
    return 0 if report.passes else 1


def _print_report(report: Report) -> None:
    document = report.as_dict()
    ratio = "" if report.ratio is None else f", ratio {report.ratio:.3f}"
    out = console.stdout()
    out.print(
        f"{report.name}: ours {report.ours:.2f} {report.unit}, "
        f"{report.peer_name} {report.peer:.2f} {report.unit}{ratio}"
    )
    columns = ("figure", "value", "unit", "limit", "target", "passes")
    rows = ([row["name"], *(row[column] for column in columns[1:])] for row in document["figures"])
    console.print_table("Figures", columns, rows)
    if report.breakdown:
        console.print_table("Breakdown", ("part", "seconds"), report.breakdown.items())
    versions = report.conditions.get("versions", {})
    for condition, value in report.conditions.items():
        if condition != "versions":
            out.print(f"{condition}: {value}")
    out.print("; ".join(f"{program} {version}" for program, version in versions.items()))
    out.print("passes" if report.passes else "DOES NOT PASS")
