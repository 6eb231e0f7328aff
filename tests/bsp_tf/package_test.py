"""Importing the package, before TensorFlow is imported."""

import os
import platform
import subprocess
import sys

import pytest

# Prints the setting at the moment when TensorFlow is about to be imported.
SCRIPT = """
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "tensorflow":
            print(os.environ.get("TF_ENABLE_ONEDNN_OPTS"))
            sys.exit()
sys.meta_path.insert(0, Watch())
import bsp_tf.runs.strategy
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN is for x86")
@pytest.mark.parametrize("own, seen", [(None, "1"), ("0", "0")])
def test_onednn_is_on_when_tensorflow_is_imported_unless_the_user_says_otherwise(own, seen):
    environment = {name: value for name, value in os.environ.items() if "ONEDNN" not in name}
    environment |= {} if own is None else {"TF_ENABLE_ONEDNN_OPTS": own}
    command = [sys.executable, "-c", SCRIPT]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert run.stdout.split() == [seen], run.stderr
