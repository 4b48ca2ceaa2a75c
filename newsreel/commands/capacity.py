"""`newsreel capacity`: what so many people cost, from habits and measured unit costs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from newsreel import console
from newsreel.capacity.habits import Habits, declared, option
from newsreel.capacity.machines import UTILISATION
from newsreel.commands.options import Json


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("capacity")(with_habits(capacity))


def with_habits(command: Callable[..., int]) -> Callable[..., int]:
    """The command with an option for each habit in the place of its `**habits`."""
    signature = inspect.signature(command, eval_str=True)
    own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=one.default,
            annotation=Annotated[
                float,
                typer.Option(
                    option(one.name),
                    help=f"{one.metadata['what']} Unit: {one.metadata['unit']}. Source: {one.metadata['source']}.",
                ),
            ],
        )
        for one in declared()
    ]
    command.__signature__ = signature.replace(parameters=[*options, *own])  # type: ignore[attr-defined]
    return command


def capacity(
    *,
    cores: Annotated[
        int | None, typer.Option("--cores", help="Cores of a machine; unset: of the one that was measured.")
    ] = None,
    utilisation: Annotated[
        float, typer.Option("--utilisation", help="Share of a machine's cores that is used at the peak.")
    ] = UTILISATION,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the picture into this .svg or .png file.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Predictions beside measured runs; one off by over 20 %: exit 1.")
    ] = False,
    as_json: Json = False,
    **habits: float,
) -> int:
    """From users and habits to requests, storage, bandwidth and machines, and what breaks first (docs/capacity.md)."""
    from newsreel.capacity.estimate import estimate
    from newsreel.capacity.measured import measured
    from newsreel.capacity.tables import prediction_table, tables

    found = estimate(Habits(**habits), measured(), cores, utilisation)
    if plot is not None:
        from newsreel.capacity.picture import draw

        draw(found, plot)
    if as_json:
        console.emit(found.as_dict())
    else:
        for table in [prediction_table(found)] if check else tables(found):
            console.table(table.title, table.columns, table.rows)
    return 1 if check and not all(one.holds for one in found.predictions) else 0
