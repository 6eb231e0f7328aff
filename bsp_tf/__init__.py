"""Boundary-Sensitive Pre-training for temporal action localization, in TensorFlow."""
