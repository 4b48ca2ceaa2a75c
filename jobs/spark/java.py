"""The Java runtime that Spark runs on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from schemas.errors import DependencyError

JAVA_VERSIONS = (17, 21)
"""What Spark 4.2 runs on (spark.apache.org/docs/4.2.0, "Downloading")."""

SYSTEM_RUNTIMES = Path("/usr/lib/jvm")


@lru_cache(maxsize=1)
def java_home() -> Path:
    """The folder of a Java 17 or 21 runtime: JAVA_HOME, else the one on PATH, else one of the system's.

    Raises DependencyError that says what to install, where there is none or JAVA_HOME names another version.
    """
    said = os.environ.get("JAVA_HOME")
    if said:
        found = java_version(Path(said))
        if found in JAVA_VERSIONS:
            return Path(said)
        raise DependencyError(
            f"JAVA_HOME={said} holds {f'Java {found}' if found else 'no Java'}, Spark needs 17 or 21: "
            "set it to such a runtime, or unset it"
        )
    for home in _find_candidates():
        if java_version(home) in JAVA_VERSIONS:
            return home
    raise DependencyError(
        "no Java 17 or 21 runtime: install one (Debian: apt install openjdk-17-jre-headless)"
    )


def java_version(home: Path) -> int | None:
    """The feature version of the runtime at `home` (17 of 17.0.15), None where there is none.

    Read from its `release` file; the program is asked only where that is missing (it takes 0.1 s or more).
    """
    program = home / "bin" / "java"
    if not os.access(program, os.X_OK):
        return None
    release = home / "release"
    if release.is_file():
        said = release.read_text(encoding="utf-8", errors="replace")
    else:
        said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    stated = re.search(r'(?:JAVA_VERSION=|version )"(\d+)', said)
    return int(stated[1]) if stated else None


def _find_candidates() -> Iterator[Path]:
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    if SYSTEM_RUNTIMES.is_dir():
        yield from sorted(SYSTEM_RUNTIMES.iterdir())
