"""Which frames of a clip, and frames as tensors: sampling, decoding, preprocessing."""

# Choices of data.sampling; here, where a command finds them without TensorFlow.
SAMPLINGS = ("uniform", "dense", "consecutive")
