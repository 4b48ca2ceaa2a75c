"""Clock of engine imports: runs a module as a program and logs when and for how long it imported which engine.

`python import_clock.py LOG MODULE [ARGUMENT ...]`: LOG gets one JSON object per line, `{"package", "at", "seconds"}`,
for the first import of each watched package that is not part of another one's import. Only the `import` is timed: what
a package loads later is not included.
"""

from __future__ import annotations

import builtins
import json
import runpy
import sys
import time
from pathlib import Path
from typing import Any

WATCHED = frozenset(
    {"apache_beam", "great_expectations", "pyspark", "pandas", "pyarrow", "deltalake", "numpy"}
)


class ImportClock:
    """Replacement for `__import__` that times the first outermost import of each watched package."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._import = builtins.__import__
        self._seen: set[str] = set()
        self._inside = False

    def __call__(self, name: str, *arguments: Any, **named: Any) -> Any:
        """Import, and log the time of a watched package."""
        package = name.partition(".")[0]
        if self._inside or package not in WATCHED or package in self._seen:
            return self._import(name, *arguments, **named)
        self._seen.add(package)
        self._inside, at, begun = True, time.time(), time.perf_counter()
        try:
            return self._import(name, *arguments, **named)
        finally:
            self._inside = False
            seconds = time.perf_counter() - begun
            with self._log.open("a") as log:
                log.write(json.dumps({"package": package, "at": at, "seconds": seconds}) + "\n")


def main() -> None:
    """Run `MODULE` with its arguments under the clock."""
    log, module, *_ = sys.argv[1:]
    del sys.argv[1:3]
    builtins.__import__ = ImportClock(Path(log))
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
