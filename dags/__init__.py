"""WHEN: one DAG per file, wiring only: order, schedule and assets.

Tests: tests/dags/test_policy.py, tests/dags/test_ingest_video.py.
"""
