"""Benchmarks of this system against a peer in the same run; one module or package per bench (docs/benchmarks/)."""
