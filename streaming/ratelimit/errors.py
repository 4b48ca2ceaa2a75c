"""Errors that a caller may want to handle; invalid arguments raise ValueError."""

from __future__ import annotations


class StoreUnavailable(Exception):  # noqa: N818 - the name that the interface has
    """The store could not decide in time: it is down, unreachable, or loading. Says which store and why."""
