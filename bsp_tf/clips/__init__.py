"""Batches of training and evaluation samples out of clips."""
