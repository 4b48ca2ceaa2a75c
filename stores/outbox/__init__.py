"""The outbox: a live row and the event of its change, in one PostgreSQL transaction; and the readers of the events."""

from stores.outbox.bulk import delete_rows, upsert_rows
from stores.outbox.change import change, find

__all__ = ["change", "delete_rows", "find", "upsert_rows"]
