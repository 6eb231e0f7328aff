"""TSM and its backbones out of PyTorch files."""
