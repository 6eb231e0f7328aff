"""Which frames of a clip, and frames as tensors: sampling, decoding, preprocessing."""
