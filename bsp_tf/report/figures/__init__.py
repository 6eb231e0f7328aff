"""Figures of the report, in one look."""
