"""Outbox: changes of live rows with their events, in one PostgreSQL transaction, and the readers of the events."""

from stores.outbox.bulk import delete_rows, upsert_rows
from stores.outbox.live_rows import find_row, upsert_row

__all__ = ["delete_rows", "find_row", "upsert_row", "upsert_rows"]
