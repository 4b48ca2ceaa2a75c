"""Interface between the consumers of the outbox and the program that runs them."""

from __future__ import annotations

from typing import ClassVar, Protocol


class Consumer(Protocol):
    """A reader of the outbox with a cursor of its own."""

    name: ClassVar[str]
    every_s: ClassVar[float]
    """Pause between two turns, in seconds."""

    def consume(self) -> int:
        """Handle the settled events, in order; returns how many. An event that raises is handled again."""
