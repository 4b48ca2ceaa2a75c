"""The `newsreel` command: its sub-commands, and what an error looks like to a person and to a script.

Exit 0 success, 1 the answer is no, 2 wrong use or unreadable input, 3 a dependency is missing or a stage failed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from newsreel import console
from newsreel.commands import bench, capacity, corpus, demo, ingest, lake, media, people, stack, tables
from schemas.errors import NewsreelError, StorageError

INTERRUPTED = 130

app = typer.Typer(
    help="The system behind a video and news service: one command for its pipelines, tables and servers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for room in (demo, stack, people, ingest, media, corpus, lake, tables, capacity, bench):
    room.register(app)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with the code that interfaces.md promises."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    console.set_json("--json" in arguments)
    try:
        code = app(arguments, prog_name="newsreel", standalone_mode=False)
    except typer.TyperException as error:
        code = _wrong_use(error)
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except NewsreelError as error:
        code = console.fail(error.kind, error.detail, exit_code=error.exit_code)
    except BrokenPipeError:  # the OSError that means well, so it goes first
        sys.stdout = None  # whoever read our output has left
        code = 0
    except OSError as error:
        refused = StorageError.of(error)
        code = console.fail(refused.kind, refused.detail, exit_code=refused.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _wrong_use(error: typer.TyperException) -> int:
    """Say how the command is used; exit 2."""
    context = getattr(error, "ctx", None)
    if context is not None and not console.is_json():
        print(context.get_usage(), file=sys.stderr)
    said = getattr(error, "format_message", error.__str__)()
    if "\n" in said:  # no command was given: the message is the help
        print(said, file=sys.stderr)
        said = "a command is needed"
    return console.fail("usage", said, exit_code=2)
