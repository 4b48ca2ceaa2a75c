"""`python -m streaming.api`: serve the API until a signal stops it; exit 3 if the port is unavailable.

Tests: tests/streaming/api/test_app.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from schemas.errors import NewsreelError
from streaming.api.app import create_app
from streaming.serving.access_log import AccessLog, log_as_json
from streaming.serving.server import Server, listen, raise_file_limit


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments, bind, serve. `--port 0` picks a free port; the line on stdout names it."""
    parser = argparse.ArgumentParser(prog="python -m streaming.api", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
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
    raise_file_limit()
    Server(app).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
