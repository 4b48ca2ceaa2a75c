"""Matching of fingerprints: candidate pairs, aligned runs, shared segments."""
