"""Outbox consumers: lake sink, DAG starter, cache invalidator. Run them with `python -m streaming.consumers`."""
