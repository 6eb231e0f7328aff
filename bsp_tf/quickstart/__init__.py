"""Runs all stages on sample data."""
