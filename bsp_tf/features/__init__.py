"""Snippet features on disk, ours and those of other tools."""
