"""Weights of PyTorch implementations, checked against a plain PyTorch network."""
