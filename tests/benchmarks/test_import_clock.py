"""Import clock: it times the import of an engine in a program, and changes nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks import import_clock

PROGRAM = """
import sys
import time
began = time.time()
import pyarrow
import pyarrow.parquet
import json
print(sys.argv[1:], __name__, began)
"""


def test_it_times_the_first_import_and_hands_the_arguments_on(tmp_path: Path) -> None:
    (tmp_path / "stage_like.py").write_text(PROGRAM)
    log = tmp_path / "imports"
    command = [sys.executable, import_clock.__file__, str(log), "stage_like", "--attempt", "1"]
    done = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"},
    )
    said, began = done.stdout.strip().rsplit(" ", 1)
    assert said == "['--attempt', '1'] __main__"
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [entry["package"] for entry in entries] == ["pyarrow"]
    assert entries[0]["at"] >= float(began)
    assert 0 < entries[0]["seconds"] < 60
