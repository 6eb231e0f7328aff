"""Localization heads, their training, and the way from what they say to detections."""
