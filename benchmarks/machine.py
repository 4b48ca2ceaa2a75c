"""Conditions of a measurement: the machine, its load, the date, versions.

Tests: tests/benchmarks/test_report.py.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from pipelines import media_tools

PACKAGES = (
    "newsreel",
    "apache-airflow",
    "apache-beam",
    "pyspark",
    "delta-spark",
    "deltalake",
    "great-expectations",
)
GIB = 1 << 30


def read_conditions(
    packages: Sequence[str] = PACKAGES, programs: Sequence[str] = ("ffmpeg",), **more: Any
) -> dict[str, Any]:
    """Conditions of a run that starts now, with versions; `more`: parameters of the bench."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "processor": _read_processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / GIB, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "versions": {
            "python": platform.python_version(),
            **{name: _read_version(name) for name in packages},
            **{name: media_tools.version(name) for name in programs},
        },
        **more,
    }


def _read_processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return platform.machine()


def _read_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
