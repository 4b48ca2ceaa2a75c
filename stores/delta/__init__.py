"""The lake: Delta tables, read and written from Python without a JVM.

Every table has one writer, named in its declaration. Tables whose writer is `spark` are written by jobs; this package
creates and reads them, and writes their small changes.

Tests: tests/stores/delta.
"""

from stores.delta.lake import Lake, lake
from stores.delta.reading import read

__all__ = ["Lake", "lake", "read"]
