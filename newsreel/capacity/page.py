"""`python -m newsreel.capacity.page`: write the estimate into docs/capacity.md, and its plot to docs/capacity.svg.

Tests: tests/newsreel/test_capacity.py.
"""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

from newsreel import console
from newsreel.capacity.estimate import Estimate, estimate
from newsreel.capacity.habits import Habits, list_habits, to_option
from newsreel.capacity.measured import Figure, Measurements, load_measurements
from newsreel.capacity.tables import Table, build_prediction_table, build_tables, format_figure

PAGE, PICTURE = Path("docs/capacity.md"), Path("docs/capacity.svg")
PART = re.compile(r"(<!-- (\w+): written by .*? -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def insert_figures(text: str, found: Estimate, measurements: Measurements) -> str:
    """Replace the parts of the page between its marks."""
    parts = {
        "estimate": _render_tables(*build_tables(found)),
        "prediction": _render_tables(build_prediction_table(found)),
        "habits": _render_habits(),
        "runs": _render_runs(measurements),
    }
    return PART.sub(lambda mark: f"{mark[1]}\n{parts[mark[2]]}\n\n{mark[3]}", text)


def _render_tables(*tables: Table) -> str:
    """Render tables as the command prints them."""
    with redirect_stdout(io.StringIO()) as out:
        for table in tables:
            console.print_table(table.title, table.columns, table.rows)
    lines = (line.rstrip() for line in out.getvalue().splitlines())
    return "```\n" + "\n".join(lines) + "\n```"


def _render_habits() -> str:
    lines = ["| option | default | unit | meaning and source |", "|---|---|---|---|"]
    lines += [
        f"| `{to_option(habit.name)}` | {habit.default:,.10g} | {habit.metadata['unit']} "
        f"| {habit.metadata['what']} {_to_sentence(habit.metadata['source'])} |"
        for habit in list_habits()
    ]
    return "\n".join(lines)


def _render_runs(measurements: Measurements) -> str:
    """Render a row for each command, with all figures of its run."""
    by_command: dict[str, list[tuple[str, Figure]]] = {}
    for name, figure in [*measurements.unit_costs.items(), *measurements.checks.items()]:
        by_command.setdefault(figure.command, []).append((name, figure))
    lines = ["| command | conditions | figures |", "|---|---|---|"]
    for command, figures in by_command.items():
        run = figures[0][1].conditions
        conditions = f"{run['at'][:10]}, {run['cores']} cores, load before {run['load_before']:g}"
        names = "; ".join(f"{name} {format_figure(figure.value)} {figure.unit}" for name, figure in figures)
        lines.append(f"| `{command}` | {conditions} | {names} |")
    return "\n".join(lines)


def _to_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def main() -> None:
    """Write the page and the plot."""
    from newsreel.capacity.picture import draw

    found = estimate(Habits(), load_measurements())
    PAGE.write_text(insert_figures(PAGE.read_text(), found, load_measurements()))
    draw(found, PICTURE)


if __name__ == "__main__":
    main()
