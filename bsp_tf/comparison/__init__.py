"""Differences between detectors, with intervals that tell a difference from chance."""
