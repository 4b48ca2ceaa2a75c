"""Refresh of tables from the event log: slices, parsed values, applied changes."""
