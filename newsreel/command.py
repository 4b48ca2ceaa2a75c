"""The `newsreel` command line: sub-commands, `--version`, and errors as text or JSON with their exit codes.

Exit 0 success, 1 a negative answer, 2 wrong usage or unreadable input, 3 a missing dependency or a failed stage.
Tests: tests/newsreel/test_command.py.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from newsreel import console
from newsreel.commands import bench, capacity, corpus, demo, ingest, lake, media, people, stack, tables
from schemas.errors import NewsreelError, StorageError

INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def print_version(wanted: bool) -> None:
    """Print name and version of the installed package, then exit."""
    if wanted:
        print(f"newsreel {version('newsreel')}")
        raise typer.Exit


@app.callback()
def newsreel(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Run the pipelines, tables and servers of a video and news service.

    State lives under NEWSREEL_HOME (default: ./.newsreel). Commands start the embedded servers that they need.

    Exit status: 0 success; 1 a negative answer, such as rejected or not found; 2 wrong usage or unreadable input;
    3 a dependency is missing or unreachable, or a stage failed.
    """


for commands in (demo, stack, people, ingest, media, corpus, lake, tables, capacity, bench):
    commands.register(app)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    console.set_json("--json" in arguments)
    try:
        code = app(arguments, prog_name="newsreel", standalone_mode=False)
    except typer.TyperException as error:
        code = _report_wrong_usage(error)
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except NewsreelError as error:
        code = console.fail(error.kind, error.detail, exit_code=error.exit_code)
    except BrokenPipeError:  # before its base class, OSError
        sys.stdout = None  # the reader of our output has gone; keeps the interpreter from flushing at exit
        code = 0
    except OSError as error:
        storage_error = StorageError.from_os_error(error)
        code = console.fail(storage_error.kind, storage_error.detail, exit_code=storage_error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _report_wrong_usage(error: typer.TyperException) -> int:
    """Print usage and message; returns 2."""
    context = getattr(error, "ctx", None)
    if context is not None and not console.is_json():
        print(context.get_usage(), file=sys.stderr)
    message = getattr(error, "format_message", error.__str__)()
    if "\n" in message:  # no command was given: the message is the whole help
        print(message, file=sys.stderr)
        message = "Missing command."
    return console.fail("usage", message, exit_code=2)
