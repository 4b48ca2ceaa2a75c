"""Benchmark of the five rate limiters, in memory and on Redis, against exact arithmetic and their peers.

Tests: tests/benchmarks/test_ratelimit.py.
"""
