"""HTTP kit shared by every server of this project; independent of what they serve.

Tests: tests/streaming/serving.
"""
