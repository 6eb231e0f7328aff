"""Records, videos, sampling, boundary synthesis, snippet features and annotations."""
