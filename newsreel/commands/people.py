"""`newsreel login`, `upload` and `password`: sessions with a server, uploads, and passwords of this HOME's accounts.

Tests: tests/streaming/client/test_session.py, tests/streaming/client/test_upload.py.
"""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsreel import console
from newsreel.commands.options import Json
from schemas.errors import InputError, NotFoundError
from schemas.settings import settings

if TYPE_CHECKING:
    from streaming.client.session import ApiClient

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Address of the API (default: that of the last login, else this HOME's stack, else port 8080).",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("login")(log_in)
    app.command("upload")(upload)
    app.command("password")(change_password)


def log_in(
    server: Server = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="Your user name (default: prompt for it).")
    ] = None,
    as_json: Json = False,
) -> int:
    """Log in to a server and store the session token.

    The token is stored under NEWSREEL_HOME, readable by you alone. The password is prompted for, or read from stdin.
    """
    with _open_client(server) as client:
        user_name = user or _prompt("user name: ")
        client.log_in(user_name, _read_password())
        if as_json:
            console.emit({"user_name": user_name, "server": client.server})
        else:
            console.stdout().print(f"logged in to {client.server} as {user_name}")
    return 0


def upload(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The video to upload.")],
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="Title that viewers see.")],
    description: Annotated[
        str | None, typer.Option("--description", metavar="TEXT", help="Description that viewers see.")
    ] = None,
    server: Server = None,
    as_json: Json = False,
) -> int:
    """Upload a video as the logged-in user; prints its id.

    After an interruption, the same command resumes the upload.
    """
    from streaming.client.upload import upload_file

    home = settings().home
    with _open_client(server) as client, console.progress() as on_progress:
        try:
            done = upload_file(client, home, file, title, description, on_progress)
        except KeyboardInterrupt:
            console.say("interrupted; run the same command again to resume")
            raise
        if as_json:
            console.emit(
                {
                    "video_id": done.video_id,
                    "upload_url": done.upload_url,
                    "size_bytes": done.size_bytes,
                    "resumed_at_bytes": done.resumed_at_bytes,
                }
            )
        else:
            console.stdout().print(done.video_id)
    return 0


def change_password(
    user: Annotated[str, typer.Argument(metavar="NAME", help="User name of an account of this HOME.")],
    as_json: Json = False,
) -> int:
    """Set the password of an account of this HOME.

    Ends the account's sessions. Needed for accounts made by `newsreel import` or `ingest`, which have no password. The
    password is prompted for, or read from stdin.
    """
    from newsreel.credentials import set_password
    from newsreel.embedded.servers import database

    password = validate_password(_read_password())
    with database():
        if not set_password(user, password):
            raise NotFoundError(f"no user {user!r}")
    if as_json:
        console.emit({"user_name": user})
    else:
        console.stdout().print(f"password of {user} set")
    return 0


def validate_password(password: str) -> str:
    """Return the password if the API accepts it at login. Raises InputError."""
    from pydantic import TypeAdapter, ValidationError

    from streaming.serving.fields import Password

    try:
        return TypeAdapter[str](Password).validate_python(password)
    except ValidationError as error:
        # The first message alone: the whole text quotes the password.
        raise InputError(f"Invalid password: {error.errors()[0]['msg']}") from None


def _open_client(server: str | None) -> ApiClient:
    """Open a client of `server`, else of the session's server, else of the stack that runs on this HOME."""
    from newsreel.embedded.stack_state import running_stack
    from streaming.client.session import ApiClient

    home = settings().home
    stack = running_stack(home)
    return ApiClient(home, server, default=stack.api_url if stack else None)


def _read_password() -> str:
    """Read a password from the terminal without echo, else the first line of stdin. Raises InputError if empty."""
    password = getpass.getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise InputError("Missing password: type it at the prompt, or send it on stdin")
    return password


def _prompt(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise InputError(
            "Missing --user NAME: stdin is not a terminal, so the user name cannot be prompted for"
        )
    return input(prompt).strip()
