"""From raw videos to TFRecords that DMVR, Scenic and the TF Model Garden read unchanged."""

# First of all, for Ctrl-C: see there.
import bsp_tf.base.interrupt  # noqa: F401
