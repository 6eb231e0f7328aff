"""Optimization, distribution strategies and the training loop."""
