"""Clocks that are not the machine's: libfaketime (Debian's package) stands between a program and the system's clock.

A server's clock is held: it is what a file says, to the microsecond, and stands still until that says something else. A
client's is off by so many seconds. What only measures how long something takes (CLOCK_MONOTONIC) stays real.
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
"""What a held clock is set to before it is relied on."""


class HeldClock:
    """What a server reads at each look at its clock: a file, by its descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def set(self, now_us: int) -> None:
        """So late it is from here on, in microseconds since the epoch: from 2001 until 2286, always as many digits."""
        # Half a microsecond more: libfaketime reads the fraction as a float, Redis rounds what comes of it down.
        os.pwrite(self._descriptor, b"%010d.%06d500\n" % divmod(now_us, 10**6), 0)


@contextlib.contextmanager
def held_server() -> Iterator[tuple[RedisServer, HeldClock]]:
    """A Redis server and its clock.

    Raises DependencyError without libfaketime, StageError where the clock is not what it was set to.
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
                    raise StageError(f"the server's clock was set to {now_us} us, and is {read_us} us")
            yield server, clock


def build_shifted_environment(seconds: int) -> dict[str, str]:
    """The environment of a program whose clock is ahead by so many seconds. Raises DependencyError as `faked` does."""
    return {**build_environment(), "FAKETIME": f"{seconds:+d}"}


def build_environment() -> dict[str, str]:
    """The environment of a program whose clock libfaketime gives. Raises DependencyError where it is not there."""
    for folder in FOLDERS:
        for place in (folder / LIBRARY, *folder.glob(f"*/{LIBRARY}")):
            if place.exists():
                return {"LD_PRELOAD": str(place), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
    raise DependencyError(
        "libfaketime is missing, which holds the clocks of this bench: `apt-get install libfaketime`"
    )
