"""Interface between outbox consumers and the program that runs them.

Tests: tests/streaming/consumers/test_lake_sink.py.
"""

from __future__ import annotations

from typing import ClassVar, Protocol


class Consumer(Protocol):
    """A reader of the outbox with its own cursor."""

    name: ClassVar[str]
    every_s: ClassVar[float]
    """Polling interval, in seconds."""

    def consume(self) -> int:
        """Handle the settled events, in order; returns how many. An event whose handling raises is retried."""
