"""Inspection: strict decode, digests, fingerprints, located faults."""
