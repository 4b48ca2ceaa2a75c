"""Batch jobs over whole tables: Spark on Delta Lake.

The top level holds the stages that a DAG or a command names. A step is a pure function DataFrame -> DataFrame; reading
and writing stay at the edges, in `main` and the functions that it calls.
"""
