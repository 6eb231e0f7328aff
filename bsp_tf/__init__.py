"""Boundary-Sensitive Pre-training for temporal action localization, in TensorFlow."""

import os
import platform

from bsp_tf.base.interrupt import answer_interrupts, is_command

__version__ = "0.2.0"

# A command answers Ctrl-C before its own imports, which take a while.
if is_command():
    answer_interrupts()

# TensorFlow reads both settings when it is imported; a user's own settings win.
# Start-up notices (on a machine without a GPU: of level "error") bury the lines that matter.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if os.path.exists("/proc/driver/nvidia") else "3")
# By itself TensorFlow uses oneDNN only where the CPU has AVX-512. On a CPU with AVX2 only, training
# steps took 1.3 to 1.5 times as long without it.
if platform.machine().lower() in ("x86_64", "amd64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
