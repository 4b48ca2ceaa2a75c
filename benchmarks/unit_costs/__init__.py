"""Unit costs of a read, write, event, second of video and byte on this machine: the input of `newsreel capacity`.

Tests: tests/benchmarks/test_unit_costs.py.
"""
