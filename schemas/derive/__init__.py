"""Forms of the declared tables, one module for each engine, which loads that engine when it is imported.

Tests: tests/schemas/test_derived_forms.py, tests/schemas/test_lineage.py.
"""
