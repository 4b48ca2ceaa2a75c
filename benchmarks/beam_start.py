"""`python -m benchmarks.beam_start`: how long a Beam stage takes that has nothing to do, in seconds, imports apart."""

from __future__ import annotations

import time
from typing import Any

from pipelines.runner import Stage, run_stage


class Nothing(Stage):
    """Hands each element back."""

    def work(self, element: Any) -> Any:
        """The element."""
        return element


def main() -> None:
    """Print the seconds."""
    begun = time.perf_counter()
    run_stage(Nothing, [0, 1], label="nothing")
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
