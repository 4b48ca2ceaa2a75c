"""TCP ports on the loopback address.

Tests: tests/newsreel/embedded/test_stack.py.
"""

from __future__ import annotations

import socket

_LOOPBACK = "127.0.0.1"


def find_free_port() -> int:
    """Find a port that no process listens on now."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_taken(port: int) -> bool:
    """Whether a process listens on the port; 0 is never taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            return True
    return False
