"""Boundary synthesis, the heart of the project: a known temporal boundary out of trimmed clips."""
