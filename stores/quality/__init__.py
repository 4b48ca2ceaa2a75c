"""Quality gate of tables, by Great Expectations, and its results. Tests: tests/stores/test_quality.py.

Tests: tests/stores/test_quality.py.
"""

from stores.quality.gate import check_rows

__all__ = ["check_rows"]
