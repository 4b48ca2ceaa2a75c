"""The outbox: a live row and the event of its change, in one PostgreSQL transaction; and the readers of the events."""

from stores.outbox.change import change, find

__all__ = ["change", "find"]
