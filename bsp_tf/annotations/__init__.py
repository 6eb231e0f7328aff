"""Temporal annotations of untrimmed videos, in every form that people have."""
