"""Embedded stack: PostgreSQL, Redis, Airflow and our own servers on this machine, under one HOME."""
