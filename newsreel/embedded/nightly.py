"""Unpausing of the nightly DAGs, some minutes after the start of a stack.

A scheduler that first sees a nightly DAG makes up for the night before at once, with a JVM, in the minute in which
people try what they have just started. So these DAGs come paused, and are unpaused once in the life of a HOME; one that
an operator pauses afterwards stays paused.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from schemas.dags import MAINTAIN_LAKE, MEASURE_ENGAGEMENT
from schemas.errors import DependencyError, NotFoundError
from streaming.consumers.airflow_client import AirflowClient

DAGS = (MEASURE_ENGAGEMENT, MAINTAIN_LAKE)
AFTER_S = 600.0
_RETRY_S = 60.0
_POLL_S = 1.0


class Nightly:
    """Unpauses the nightly DAGs of one HOME, each once."""

    def __init__(self, home: Path, airflow: Callable[[], AirflowClient]) -> None:
        self._done = home / "airflow" / "unpaused"
        self._airflow = airflow
        self._due_s = time.monotonic() + AFTER_S

    def start(self) -> None:
        """Do it in a thread, which ends with the process: a request to Airflow may take minutes."""
        threading.Thread(target=self._run, name="nightly", daemon=True).start()

    def turn(self) -> None:
        """Unpause the DAGs that are not done, if it is time; what fails is retried at a later turn."""
        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + _RETRY_S
        done = set(self._done.read_text().split()) if self._done.exists() else set()
        remaining = [dag_id for dag_id in DAGS if dag_id not in done]
        if not remaining:
            self._due_s = float("inf")
            return
        try:
            with self._airflow() as client:
                for dag_id in remaining:
                    client.unpause(dag_id)
                    done.add(dag_id)
        except (DependencyError, NotFoundError):
            pass  # Airflow may restart at any time
        finally:
            self._done.parent.mkdir(parents=True, exist_ok=True)
            self._done.write_text("\n".join(sorted(done)))

    def _run(self) -> None:
        while self._due_s != float("inf"):
            self.turn()
            time.sleep(_POLL_S)
