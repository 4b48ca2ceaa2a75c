"""Start-up time of a Beam stage without work, in seconds, imports excluded: `python -m benchmarks.beam_start`."""

from __future__ import annotations

import time
from typing import Any

from pipelines.runner import Stage, run_stage


class Nothing(Stage):
    """Identity stage."""

    def work(self, element: Any) -> Any:
        """Return the element."""
        return element


def main() -> None:
    """Print the seconds."""
    begun = time.perf_counter()
    run_stage(Nothing, [0, 1], label="nothing")
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
