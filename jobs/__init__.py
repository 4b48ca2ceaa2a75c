"""Spark on Delta: what happens to all rows of a table.

A step is a pure function DataFrame -> DataFrame; reading and writing stand in `main` and beside it.
"""
