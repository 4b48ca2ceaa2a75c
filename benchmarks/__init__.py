"""Benchmarks: what this system costs against a peer in the same run. One module a bench; docs/benchmarks/README.md."""
