"""Encoding: from chunks of a source to verified renditions, video and sound."""
