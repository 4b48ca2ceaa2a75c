"""The encoding ladder: rungs and codecs for a source."""
