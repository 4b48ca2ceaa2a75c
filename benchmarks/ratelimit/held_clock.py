"""Controlled clocks by libfaketime (Debian's package), which intercepts a program's access to the system clock.

A server's clock is held: it reads the time from a file, to the microsecond, and stands still until the file changes. A
client's clock is shifted by a number of seconds. CLOCK_MONOTONIC, which measures durations, stays real.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ratelimit.redis_server import RedisServer, redis_server
from schemas.errors import DependencyError, StageError

FOLDERS = (Path("/usr/lib"), Path("/usr/local/lib"))
LIBRARY = "faketime/libfaketime.so.1"

PROBES_US = (1_800_000_000_123_456, 4_000_000_000_000_001, 1_500_000_000_999_999, 1_800_000_000_000_000)
"""Times to which a held clock is set to verify it before use."""


class HeldClock:
    """Clock of a server that reads the time from a file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def set(self, now_us: int) -> None:
        """Set the time, in microseconds since the epoch, from 2001 to 2286: ten digits of seconds."""
        # Half a microsecond is added: libfaketime reads the fraction as a float, which Redis rounds down.
        os.pwrite(self._descriptor, b"%010d.%06d500\n" % divmod(now_us, 10**6), 0)


@contextlib.contextmanager
def held_server() -> Iterator[tuple[RedisServer, HeldClock]]:
    """A Redis server and its clock.

    Raises DependencyError without libfaketime, StageError if the clock does not follow its file.
    """
    with tempfile.NamedTemporaryFile(prefix="newsreel-clock-") as file:
        clock = HeldClock(file.fileno())
        clock.set(PROBES_US[0])
        environment = {
            **build_environment(),
            "FAKETIME_TIMESTAMP_FILE": file.name,
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_FMT": "%s",
            "TZ": "UTC",
        }
        with redis_server(environment) as server:
            for now_us in PROBES_US:
                clock.set(now_us)
                if (read_us := server.now_us()) != now_us:
                    raise StageError(f"the server's clock was set to {now_us} us, but reads {read_us} us")
            yield server, clock


def build_shifted_environment(seconds: int) -> dict[str, str]:
    """Environment of a program whose clock is `seconds` ahead. Raises DependencyError as `build_environment` does."""
    return {**build_environment(), "FAKETIME": f"{seconds:+d}"}


def build_environment() -> dict[str, str]:
    """Environment of a program under libfaketime. Raises DependencyError if that is not installed."""
    for folder in FOLDERS:
        for place in (folder / LIBRARY, *folder.glob(f"*/{LIBRARY}")):
            if place.exists():
                return {"LD_PRELOAD": str(place), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
    raise DependencyError(
        "libfaketime is missing, which controls the clocks of this bench: `apt-get install libfaketime`"
    )
