"""Boundary synthesis, the heart of the project: clips with a known temporal boundary out of trimmed
ones.
"""
