"""Boundary-Sensitive Pre-training for temporal action localization, in TensorFlow."""

import os

__version__ = "0.2.0"

# TensorFlow reads this when it is imported. Without it, start-up notices (on a machine without a
# GPU: of level "error") bury the lines that matter. A user's own setting wins.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if os.path.exists("/proc/driver/nvidia") else "3")
