"""`newsreel bench`: one benchmark against its peer in the same run."""

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
    # What follows the name is the bench's own, `--help` included.
    takes_all = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    app.command("bench", context_settings=takes_all)(bench)


def bench(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which; without it they are listed.")] = None,
    as_json: Json = False,
) -> int:
    """Run one benchmark against its peer: all limits kept 0, one not kept 1, it could not run 3."""
    from benchmarks.registry import BENCHES

    if name is None or name.startswith("-"):
        if as_json:
            console.emit({"benches": [{"name": name, "line": known.line} for name, known in BENCHES.items()]})
        else:
            console.table("", ("bench", "measures"), ((name, known.line) for name, known in BENCHES.items()))
        return 0
    known = BENCHES.get(name)
    if known is None:
        for there, other in BENCHES.items():
            console.say(f"{there:10}{other.line}")
        raise InputError(f"no bench {name!r}; there are {', '.join(BENCHES)}")
    report = known.run(context.args, console.say)
    if as_json:
        console.emit(report.as_dict())
    else:
        _show(report)
    return 0 if report.passes else 1


def _show(report: Report) -> None:
    document = report.as_dict()
    ratio = "" if report.ratio is None else f", ratio {report.ratio:.3f}"
    out = console.stdout()
    out.print(
        f"{report.name}: ours {report.ours:.2f} {report.unit}, "
        f"{report.peer_name} {report.peer:.2f} {report.unit}{ratio}"
    )
    columns = ("figure", "value", "unit", "limit", "target", "passes")
    rows = ([row["name"], *(row[column] for column in columns[1:])] for row in document["figures"])
    console.table("Figures", columns, rows)
    if report.breakdown:
        console.table("Breakdown", ("part", "seconds"), report.breakdown.items())
    versions = report.conditions.get("versions", {})
    for what, value in report.conditions.items():
        if what != "versions":
            out.print(f"{what}: {value}")
    out.print("; ".join(f"{what} {value}" for what, value in versions.items()))
    out.print("passes" if report.passes else "DOES NOT PASS")
