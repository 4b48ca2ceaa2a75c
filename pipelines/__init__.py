"""VIDEO: what happens to one video: inspected, fingerprinted, encoded, packaged, published."""
