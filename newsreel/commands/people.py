"""`newsreel login`, `upload` and `password`: what people do with a server, and what its owner does for them."""

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
    typer.Option("--server", help="Its address; else the last one, or this HOME's stack, or port 8080."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("login")(login)
    app.command("upload")(upload)
    app.command("password")(password)


def login(
    server: Server = None,
    user: Annotated[str | None, typer.Option("--user", help="Your user name; asked for if left out.")] = None,
    as_json: Json = False,
) -> int:
    """Open a session; its token is kept under HOME, for you alone. The password comes from the terminal or stdin."""
    with _client(server) as client:
        user_name = user or _asked("user name: ")
        client.log_in(user_name, _password())
        if as_json:
            console.emit({"user_name": user_name, "server": client.server})
        else:
            console.stdout().print(f"{user_name} is logged in at {client.server}")
    return 0


def upload(
    file: Annotated[Path, typer.Argument(help="The video to upload.")],
    title: Annotated[str, typer.Option("--title", help="What viewers will read.")],
    description: Annotated[str | None, typer.Option("--description", help="More about it.")] = None,
    server: Server = None,
    as_json: Json = False,
) -> int:
    """Upload a file as who is logged in, and print the video's id. Interrupted, the same command goes on."""
    from streaming.client.upload import upload_file

    home = settings().home
    with _client(server) as client, console.progress() as on_progress:
        try:
            done = upload_file(client, home, file, title, description, on_progress)
        except KeyboardInterrupt:
            console.say("interrupted; type it again to go on where it was")
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


def password(
    user: Annotated[str, typer.Argument(help="A user name of this HOME.")],
    as_json: Json = False,
) -> int:
    """Give an account of this HOME a password, which ends its sessions; `import` and `ingest` make it without one."""
    from newsreel.credentials import set_password
    from newsreel.embedded.servers import database

    text = storable(_password())
    with database():
        if not set_password(user, text):
            raise NotFoundError(f"no user {user!r}")
    if as_json:
        console.emit({"user_name": user})
    else:
        console.stdout().print(f"{user} has a password now")
    return 0


def storable(password: str) -> str:
    """The password, where the API would let somebody log in with it. Raises InputError."""
    from pydantic import TypeAdapter, ValidationError

    from streaming.serving.fields import Password

    try:
        return TypeAdapter[str](Password).validate_python(password)
    except ValidationError as error:
        # Its words alone: the whole message quotes the password.
        raise InputError(f"this cannot be a password: {error.errors()[0]['msg']}") from None


def _client(server: str | None) -> ApiClient:
    """A client of `server`, of the session's server, or of the stack that runs on this HOME."""
    from newsreel.embedded.stack import running_stack
    from streaming.client.session import ApiClient

    home = settings().home
    stack = running_stack(home)
    return ApiClient(home, server, default=stack.api_url if stack else None)


def _password() -> str:
    """From the terminal without an echo, else the first line of stdin. Raises InputError where there is none."""
    text = getpass.getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise InputError("a password is needed: type it, or send it on stdin")
    return text


def _asked(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise InputError("--user: whose session? Give a user name")
    return input(prompt).strip()
