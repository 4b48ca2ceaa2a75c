"""`python -m streaming.api`: serve the API until a signal ends it; exit 3 where the port cannot be had."""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence

import uvicorn

from schemas.errors import DependencyError
from streaming.api.app import create_app

GRACE_S = 5
"""How long a stop waits for answers that are being sent."""


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the arguments, bind, serve. `--port 0` takes a free port; the line on stdout says which."""
    parser = argparse.ArgumentParser(prog="python -m streaming.api", description=__doc__)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine alone)"
    )
    parser.add_argument(
        "--port", type=int, default=8080, help="port to listen on, 0 for a free one (default: 8080)"
    )
    arguments = parser.parse_args(argv)
    try:
        listener = listen(arguments.host, arguments.port)
    except DependencyError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return error.exit_code
    print(f"listening on http://{arguments.host}:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        create_app(),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections there. Raises DependencyError where the address is taken or not ours."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise DependencyError(
            f"cannot listen on {host}:{port} ({error}); give another --host or --port"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
