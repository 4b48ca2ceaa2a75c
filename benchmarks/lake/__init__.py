"""Benchmark of the lake: freshness of events and tables, cost of a refresh against a rebuild, recovery from kills.

Tests: tests/benchmarks/test_lake.py, tests/e2e/test_lake_kills.py.
"""
