"""Benchmark of the live API: measured over HTTP on loopback, and checked in PostgreSQL afterwards.

Tests: tests/benchmarks/test_api.py.
"""
