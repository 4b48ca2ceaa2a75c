"""`python -m newsreel.notebook`: execute docs/notebooks/lake.ipynb anew, on made days of people and a real ingest.

In a HOME of its own, in the temporary folder: `newsreel demo`, then two weeks of `newsreel.synthetic_events` in a lake
beside it, its tables refreshed, each of its days measured. Takes some minutes.
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
LAKES = "lakes"
"""The tag of the cell that names the lakes; it is another one while the notebook is made."""
DAYS, EVENTS = 14, 20_000
SATURDAY, WEEKEND = 5, 1.4
MADE = ["--users=3000", "--videos=300", f"--joined-over={DAYS}"]
CELL_TIMEOUT_S = 120


def execute(notebook: Path, people: str, runs: str, environment: Mapping[str, str]) -> None:
    """Run all cells with these lakes (URIs), and keep what they show in the file.

    Raises StageError with what failed, DependencyError where a library is missing.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError as error:
        raise DependencyError(f"{error}: install newsreel[analysts]") from error
    book: Any = nbformat.read(notebook, as_version=4)
    [lakes] = [cell for cell in book.cells if LAKES in cell.metadata.get("tags", ())]
    source = lakes.source
    lakes.source = f"from stores.delta import Lake\n\npeople, runs = Lake({people!r}), Lake({runs!r})"
    client = NotebookClient(book, timeout=CELL_TIMEOUT_S, kernel_name="python3", record_timing=False)
    kernel = client.create_kernel_manager()
    kernel.transport = "ipc"  # over TCP others on this machine could listen, and the kernel warns of that
    try:
        client.execute(env=dict(environment))
    except CellExecutionError as error:
        raise StageError(f"{notebook}: {error}") from error
    lakes.source = source
    nbformat.write(book, notebook)


def main(argv: Sequence[str] | None = None) -> int:
    """Make the notebook."""
    parser = argparse.ArgumentParser(prog="python -m newsreel.notebook", description=__doc__)
    parser.add_argument("--notebook", type=Path, default=NOTEBOOK, help=f"the file ({NOTEBOOK})")
    given = parser.parse_args(argv)
    folder = Path(tempfile.mkdtemp(prefix="newsreel-notebook-"))
    home, made = folder / "home", (folder / "made").as_uri()
    own = {name: value for name, value in os.environ.items() if not name.startswith("NEWSREEL_")}
    environment = {**own, "NEWSREEL_HOME": str(home)}
    try:
        console.say("newsreel demo, for runs and how fresh tables are")
        _newsreel(environment, "demo", "--json")
        _make_days({**environment, "NEWSREEL_LAKE_URI": made}, datetime.now(UTC).date())
        console.say(f"executing {given.notebook}")
        execute(given.notebook, made, (home / "lake").as_uri(), environment)
    finally:
        shutil.rmtree(EmbeddedPostgres(home).folder, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _make_days(environment: Mapping[str, str], today: date) -> None:
    """A fortnight until yesterday in a lake of its own, each day measured."""
    first = today - timedelta(days=DAYS)
    console.say(f"{DAYS} days of {EVENTS} events")
    days = [first + timedelta(days=number) for number in range(DAYS)]
    sizes = ",".join(str(int(EVENTS * (WEEKEND if day.weekday() >= SATURDAY else 1))) for day in days)
    _run(
        environment,
        sys.executable,
        "-m",
        "newsreel.synthetic_events",
        f"--first={first}",
        f"--sizes={sizes}",
        *MADE,
    )
    _newsreel(environment, "exec", "python", "-m", "jobs.refresh_tables", "--run-id", "made")
    for day in days:
        console.say(f"measuring {day}")
        program = ["python", "-m", "jobs.measure_engagement", "--run-id", f"made-{day}", "--day", f"{day}"]
        _newsreel(environment, "exec", *program)


def _newsreel(environment: Mapping[str, str], *arguments: str) -> None:
    _run(environment, sys.executable, "-m", "newsreel", *arguments)


def _run(environment: Mapping[str, str], *command: str) -> None:
    done = subprocess.run(command, check=False, env=dict(environment), capture_output=True, text=True)
    if done.returncode:
        raise StageError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-600:]}")


if __name__ == "__main__":
    sys.exit(main())
