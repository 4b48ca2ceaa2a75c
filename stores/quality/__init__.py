"""The quality gate of tables, by Great Expectations, and what it found."""

from stores.quality.gate import check_rows

__all__ = ["check_rows"]
