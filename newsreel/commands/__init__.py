"""Sub-commands, one module per subject. Heavy libraries are imported when a command runs, never at import time.

Tests: tests/newsreel/test_command.py.
"""
