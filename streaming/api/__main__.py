"""`python -m streaming.api`: serve the API until a signal ends it; exit 3 where the port cannot be had."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from schemas.errors import NewsreelError
from streaming.api.app import create_app
from streaming.serving.access_log import AccessLog, log_as_json
from streaming.serving.server import Server, allow_files, listen


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
        app = create_app(AccessLog())
    except NewsreelError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return error.exit_code
    print(f"listening on http://{arguments.host}:{listener.getsockname()[1]}", flush=True)
    log_as_json()
    allow_files()
    Server(app).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
