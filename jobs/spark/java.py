"""Java runtime for Spark: discovery and version check. bin/setup imports it with the standard library alone."""

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
"""Versions that Spark 4.2 supports (spark.apache.org/docs/4.2.0, "Downloading")."""

SYSTEM_RUNTIMES = Path("/usr/lib/jvm")


@lru_cache(maxsize=1)
def java_home() -> Path:
    """Home of a Java 17 or 21 runtime: JAVA_HOME, else the one on PATH, else one of the system's.

    Raises DependencyError with what to install if there is none, or if JAVA_HOME has another version.
    """
    configured = os.environ.get("JAVA_HOME")
    if configured:
        version = java_version(Path(configured))
        if version in JAVA_VERSIONS:
            return Path(configured)
        raise DependencyError(
            f"JAVA_HOME={configured} contains {f'Java {version}' if version else 'no Java'}, Spark needs 17 or 21: "
            "set it to such a runtime, or unset it"
        )
    for home in _find_candidates():
        if java_version(home) in JAVA_VERSIONS:
            return home
    raise DependencyError(
        "no Java 17 or 21 runtime: install one (Debian: apt install openjdk-17-jre-headless)"
    )


def java_version(home: Path) -> int | None:
    """Feature version of the runtime at `home` (17 for 17.0.15), None if there is none.

    Read from its `release` file, else from `java -version`, which takes 0.1 s or more.
    """
    program = home / "bin" / "java"
    if not os.access(program, os.X_OK):
        return None
    release = home / "release"
    if release.is_file():
        text = release.read_text(encoding="utf-8", errors="replace")
    else:
        text = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'(?:JAVA_VERSION=|version )"(\d+)', text)
    return int(version[1]) if version else None


def _find_candidates() -> Iterator[Path]:
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    if SYSTEM_RUNTIMES.is_dir():
        yield from sorted(SYSTEM_RUNTIMES.iterdir())
