"""VIDEO: pipelines of one video: inspect, fingerprint, encode, package, publish."""
