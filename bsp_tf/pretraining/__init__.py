"""Pre-training of one stream on trimmed clips."""
