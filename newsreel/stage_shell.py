"""`python -m newsreel.stage_shell FILE --title T`: environment for stage programs that are run by hand.

Registers the file as `newsreel ingest` does, prints one JSON document and holds the embedded servers until stdin ends:
`video_id`, and the `environment` that a stage program needs in addition to the caller's.

Tests: tests/benchmarks/test_hand.py.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from newsreel.embedded.dag_test import program_environment
from newsreel.embedded.servers import DATABASE_URL, database
from newsreel.video_registration import register
from schemas.errors import NewsreelError
from schemas.settings import settings
from stores.media import media
from stores.postgres import connect


def main(argv: Sequence[str] | None = None) -> int:
    """Register the file, print the document, wait for the end of stdin; exits as `newsreel ingest` does on errors."""
    parser = argparse.ArgumentParser(prog="newsreel.stage_shell")
    parser.add_argument("file", type=Path)
    parser.add_argument("--title", required=True)
    parser.add_argument("--user", default="demo")
    arguments = parser.parse_args(argv)
    try:
        with database():
            with connect() as connection:
                registration = register(connection, media(), arguments.file, arguments.title, arguments.user)
            environment = program_environment(settings().home) | {DATABASE_URL: os.environ[DATABASE_URL]}
            print(json.dumps({"video_id": registration.video_id, "environment": environment}), flush=True)
            sys.stdin.read()
    except NewsreelError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
