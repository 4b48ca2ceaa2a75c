"""`python -m newsreel.capacity.page`: docs/capacity.md with what the command prints now, and its picture."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

from newsreel import console
from newsreel.capacity.estimate import Estimate, estimate
from newsreel.capacity.habits import Habits, declared, option
from newsreel.capacity.measured import Figure, Measured, measured
from newsreel.capacity.tables import Table, prediction_table, said, tables

PAGE, PICTURE = Path("docs/capacity.md"), Path("docs/capacity.svg")
PART = re.compile(r"(<!-- (\w+): written by .*? -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def with_figures(text: str, found: Estimate, figures: Measured) -> str:
    """The page with everything that is written between its marks as it is now."""
    parts = {
        "estimate": _printed(*tables(found)),
        "prediction": _printed(prediction_table(found)),
        "habits": _habits(),
        "runs": _runs(figures),
    }
    return PART.sub(lambda mark: f"{mark[1]}\n{parts[mark[2]]}\n\n{mark[3]}", text)


def _printed(*shown: Table) -> str:
    """As the command prints them."""
    with redirect_stdout(io.StringIO()) as out:
        for table in shown:
            console.table(table.title, table.columns, table.rows)
    lines = (line.rstrip() for line in out.getvalue().splitlines())
    return "```\n" + "\n".join(lines) + "\n```"


def _habits() -> str:
    lines = ["| option | default | unit | what, and from where |", "|---|---|---|---|"]
    lines += [
        f"| `{option(one.name)}` | {one.default:,.10g} | {one.metadata['unit']} "
        f"| {one.metadata['what']} {_sentence(one.metadata['source'])} |"
        for one in declared()
    ]
    return "\n".join(lines)


def _runs(figures: Measured) -> str:
    """A line for each command that was run, with all that it gave."""
    by_command: dict[str, list[tuple[str, Figure]]] = {}
    for name, one in [*figures.unit_costs.items(), *figures.checks.items()]:
        by_command.setdefault(one.command, []).append((name, one))
    lines = ["| command | on | gives |", "|---|---|---|"]
    for command, given in by_command.items():
        told = given[0][1].conditions
        on = f"{told['at'][:10]}, {told['cores']} cores, load before {told['load_before']:g}"
        names = "; ".join(f"{name} {said(one.value)} {one.unit}" for name, one in given)
        lines.append(f"| `{command}` | {on} | {names} |")
    return "\n".join(lines)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def main() -> None:
    """Write both."""
    from newsreel.capacity.picture import draw

    found = estimate(Habits(), measured())
    PAGE.write_text(with_figures(PAGE.read_text(), found, measured()))
    draw(found, PICTURE)


if __name__ == "__main__":
    main()
