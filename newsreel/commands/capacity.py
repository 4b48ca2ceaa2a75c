"""`newsreel capacity`: requests, storage, bandwidth and machines from habits and measured unit costs.

Tests: tests/newsreel/test_capacity.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from newsreel import console
from newsreel.capacity.habits import Habits, list_habits, to_option
from newsreel.capacity.machines import UTILISATION
from newsreel.commands.options import Json


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("capacity")(add_habit_options(estimate_capacity))


def add_habit_options(command: Callable[..., int]) -> Callable[..., int]:
    """Replace the `**habits` of a command by one option for each habit."""
    signature = inspect.signature(command, eval_str=True)
    own = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    options = [
        inspect.Parameter(
            habit.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=habit.default,
            annotation=Annotated[
                float,
                typer.Option(
                    to_option(habit.name),
                    metavar="N",
                    help=f"{habit.metadata['what']} Unit: {habit.metadata['unit']}."
                    f" Source: {habit.metadata['source']}.",
                ),
            ],
        )
        for habit in list_habits()
    ]
    command.__signature__ = signature.replace(parameters=[*options, *own])  # type: ignore[attr-defined]
    return command


def estimate_capacity(
    *,
    cores: Annotated[
        int | None,
        typer.Option(
            "--cores", metavar="N", help="Cores of a machine (default: as on the measured machine)."
        ),
    ] = None,
    utilisation: Annotated[
        float,
        typer.Option(
            "--utilisation",
            metavar="SHARE",
            help="Share of a machine's cores in use at the peak, above 0 to 1.",
        ),
    ] = UTILISATION,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Plot the estimate to this .svg or .png file."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Compare predictions with measured runs; exit 1 if one is off by over 20 %."
        ),
    ] = False,
    as_json: Json = False,
    **habits: float,
) -> int:
    """Estimate machines and storage for a number of users.

    The growth tables show which kind of machine is full first at 1, 10 and 100 times the users (docs/capacity.md).
    """
    from newsreel.capacity.estimate import estimate
    from newsreel.capacity.measured import load_measurements
    from newsreel.capacity.tables import build_prediction_table, build_tables

    found = estimate(Habits(**habits), load_measurements(), cores, utilisation)
    if plot is not None:
        from newsreel.capacity.picture import draw

        draw(found, plot)
    if as_json:
        console.emit(found.as_dict())
    else:
        for table in [build_prediction_table(found)] if check else build_tables(found):
            console.print_table(table.title, table.columns, table.rows)
    return 1 if check and not all(prediction.holds for prediction in found.predictions) else 0
