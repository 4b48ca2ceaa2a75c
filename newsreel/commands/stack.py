"""`newsreel up`, `down`, `doctor` and `exec`: the embedded stack.

Tests: tests/newsreel/embedded/test_stack.py.
"""

from __future__ import annotations

from typing import Annotated

import typer

from newsreel import console
from newsreel.commands.options import Json
from schemas.settings import settings


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("up")(bring_up)
    app.command("down")(take_down)
    app.command("doctor")(doctor)
    app.command("exec", context_settings={"allow_interspersed_args": False})(execute)


def bring_up(
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, metavar="PORT", help="Port of the API; 0 picks a free one."),
    ] = 8080,
) -> int:
    """Run the embedded stack in the foreground.

    PostgreSQL, Redis, Airflow, API and workers, until Ctrl-C or `newsreel down`.
    """
    from newsreel.embedded.stack import Stack

    return Stack(settings().home, api_port=port).run(say=console.say)


def take_down() -> int:
    """Stop the embedded stack of this HOME.

    Also ends the processes that a killed stack has left.

    Exit status: 0 stopped, 1 no stack was running.
    """
    from newsreel.embedded.leftovers import stop_stack

    if stop_stack(settings().home):
        console.say("stopped")
        return 0
    console.say(f"no stack is running in {settings().home}")
    return 1


def doctor(as_json: Json = False) -> int:
    """Check the installation, the settings and the servers.

    Exit status: 0 everything is fine, 3 something is missing, unreachable or incompatible.
    """
    from newsreel.health import Finding, examine

    findings: list[Finding] = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            console.stdout().print(f"{finding.state:12}{finding.what:20}{finding.detail}")
    if as_json:
        console.emit([vars(finding) for finding in findings])
    wrong = [finding for finding in findings if finding.state != "ok"]
    if wrong:
        console.say(
            f"{len(wrong)} of {len(findings)} need attention: {', '.join(found.what for found in wrong)}"
        )
    return 3 if wrong else 0


def execute(
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="PROGRAM",
            help="A program and its arguments, such as `python -m jobs.refresh_tables`.",
        ),
    ],
) -> int:
    """Run a program in the environment of a DAG's task.

    With the settings and the servers that a task has; `airflow` is the Airflow of this HOME. Exits with the program's
    exit status.
    """
    from newsreel.embedded.foreground import run_in_foreground

    return run_in_foreground(settings().home, command)
