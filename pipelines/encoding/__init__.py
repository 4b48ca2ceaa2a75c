"""Encoding: chunks into verified renditions, picture and sound."""
