"""`python -m newsreel.stage_shell FILE --title T`: what stage programs need to be run by hand, until stdin ends.

Registers the file as `newsreel ingest` does, holds the embedded servers, and prints one JSON document: `video_id`, and
the `environment` that a stage program needs beside the caller's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from newsreel.embedded.dag_test import program_environment
from newsreel.embedded.servers import DATABASE_VARIABLE, database
from newsreel.video_registration import register
from schemas.errors import NewsreelError
from schemas.settings import settings
from stores.media import media
from stores.postgres import connect


def main(argv: Sequence[str] | None = None) -> int:
    """Register, print, hold; the exit codes are those of the command."""
    parser = argparse.ArgumentParser(prog="newsreel.stage_shell")
    parser.add_argument("file", type=Path)
    parser.add_argument("--title", required=True)
    parser.add_argument("--user", default="demo")
    given = parser.parse_args(argv)
    try:
        with database():
            with connect() as connection:
                brought = register(connection, media(), given.file, given.title, given.user)
            needed = program_environment(settings().home) | {DATABASE_VARIABLE: os.environ[DATABASE_VARIABLE]}
            print(json.dumps({"video_id": brought.video_id, "environment": needed}), flush=True)
            sys.stdin.read()
    except NewsreelError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
