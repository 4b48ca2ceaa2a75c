"""`python -m newsreel.notebook`: execute docs/notebooks/lake.ipynb on synthetic days and a real ingest.

In a temporary HOME: runs `newsreel demo`, then loads two weeks of `newsreel.synthetic_events` into a second lake,
refreshes its tables and measures each day. Takes a few minutes.

Tests: tests/e2e/test_analysts.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from newsreel import console
from newsreel.embedded.postgres import EmbeddedPostgres
from schemas.errors import DependencyError, StageError

NOTEBOOK = Path("docs/notebooks/lake.ipynb")
LAKES_TAG = "lakes"
"""Tag of the cell that opens the lakes; replaced while the notebook is executed."""
DAYS, EVENTS_PER_DAY = 14, 20_000
SATURDAY, WEEKEND_FACTOR = 5, 1.4
POPULATION = ["--users=3000", "--videos=300", f"--joined-over={DAYS}"]
CELL_TIMEOUT_S = 120


def execute(notebook: Path, people: str, runs: str, environment: Mapping[str, str]) -> None:
    """Execute all cells with these lakes (URIs), and save the outputs in the file.

    Raises StageError with the cell's error, DependencyError if a library is missing.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError as error:
        raise DependencyError(f"{error}: install newsreel[analysts]") from error
    book: Any = nbformat.read(notebook, as_version=4)
    [lakes] = [cell for cell in book.cells if LAKES_TAG in cell.metadata.get("tags", ())]
    source = lakes.source
    lakes.source = f"from stores.delta import Lake\n\npeople, runs = Lake({people!r}), Lake({runs!r})"
    client = NotebookClient(book, timeout=CELL_TIMEOUT_S, kernel_name="python3", record_timing=False)
    kernel = client.create_kernel_manager()
    kernel.transport = "ipc"  # other users of this machine could listen on TCP, and the kernel warns of that
    try:
        client.execute(env=dict(environment))
    except CellExecutionError as error:
        raise StageError(f"{notebook}: {error}") from error
    lakes.source = source
    nbformat.write(book, notebook)


def main(argv: Sequence[str] | None = None) -> int:
    """Execute the notebook."""
    parser = argparse.ArgumentParser(prog="python -m newsreel.notebook", description=__doc__)
    parser.add_argument(
        "--notebook", type=Path, default=NOTEBOOK, help=f"notebook to execute (default: {NOTEBOOK})"
    )
    options = parser.parse_args(argv)
    folder = Path(tempfile.mkdtemp(prefix="newsreel-notebook-"))
    home, synthetic_lake = folder / "home", (folder / "synthetic").as_uri()
    outside = {name: value for name, value in os.environ.items() if not name.startswith("NEWSREEL_")}
    environment = {**outside, "NEWSREEL_HOME": str(home)}
    try:
        console.say("running newsreel demo, for the cells about runs and freshness")
        _run_newsreel(environment, "demo", "--json")
        _generate_days({**environment, "NEWSREEL_LAKE_URI": synthetic_lake}, datetime.now(UTC).date())
        console.say(f"executing {options.notebook}")
        execute(options.notebook, synthetic_lake, (home / "lake").as_uri(), environment)
    finally:
        shutil.rmtree(EmbeddedPostgres(home).folder, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _generate_days(environment: Mapping[str, str], today: date) -> None:
    """Load the `DAYS` days before today into the lake of `environment`, and measure each."""
    first = today - timedelta(days=DAYS)
    console.say(f"generating {DAYS} days of {EVENTS_PER_DAY} events")
    days = [first + timedelta(days=number) for number in range(DAYS)]
    sizes = ",".join(
        str(int(EVENTS_PER_DAY * (WEEKEND_FACTOR if day.weekday() >= SATURDAY else 1))) for day in days
    )
    _run(
        environment,
        sys.executable,
        "-m",
        "newsreel.synthetic_events",
        f"--first={first}",
        f"--sizes={sizes}",
        *POPULATION,
    )
    _run_newsreel(environment, "exec", "python", "-m", "jobs.refresh_tables", "--run-id", "synthetic")
    for day in days:
        console.say(f"measuring {day}")
        program = [
            "python",
            "-m",
            "jobs.measure_engagement",
            "--run-id",
            f"synthetic-{day}",
            "--day",
            f"{day}",
        ]
        _run_newsreel(environment, "exec", *program)


def _run_newsreel(environment: Mapping[str, str], *arguments: str) -> None:
    _run(environment, sys.executable, "-m", "newsreel", *arguments)


def _run(environment: Mapping[str, str], *command: str) -> None:
    done = subprocess.run(command, check=False, env=dict(environment), capture_output=True, text=True)
    if done.returncode:
        raise StageError(f"{' '.join(command)} exited with {done.returncode}: {done.stderr.strip()[-600:]}")


if __name__ == "__main__":
    sys.exit(main())
