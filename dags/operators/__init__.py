"""Operators whose engine dies with the task; docs/adr/0001 says why the providers' operators are not enough.

Tests: tests/dags/test_ingest_video.py, tests/dags/test_child.py, tests/dags/test_day_of.py.
"""
