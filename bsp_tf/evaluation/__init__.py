"""ActivityNet scoring in NumPy and SciPy."""
