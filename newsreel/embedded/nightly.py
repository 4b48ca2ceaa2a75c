"""Nightly DAGs are let run once a stack has been up for a while: until then people wait for other things.

A scheduler that first sees a nightly DAG makes up for the night before at once, with a JVM, in the minute in which
somebody looks at what they have just started. So these come paused, and are unpaused once; who pauses one afterwards is
obeyed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from schemas.errors import DependencyError, NotFoundError
from streaming.consumers.airflow_client import AirflowClient

DAGS = ("measure_engagement", "maintain_lake")
AFTER_S = 600.0
_AGAIN_S = 60.0


class Nightly:
    """Unpauses the nightly DAGs of one HOME, each once in its life."""

    def __init__(self, home: Path, airflow: Callable[[], AirflowClient]) -> None:
        self._done = home / "airflow" / "unpaused"
        self._airflow = airflow
        self._due_s = time.monotonic() + AFTER_S

    def turn(self) -> None:
        """Unpause what is to be unpaused, if it is time; what fails is tried again."""
        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + _AGAIN_S
        done = set(self._done.read_text().split()) if self._done.exists() else set()
        left = [dag for dag in DAGS if dag not in done]
        if not left:
            self._due_s = float("inf")
            return
        try:
            with self._airflow() as client:
                for dag in left:
                    client.unpause(dag)
                    done.add(dag)
        except (DependencyError, NotFoundError):
            pass  # Airflow may be started again at any time
        finally:
            self._done.write_text("\n".join(sorted(done)))
