"""bsp_tf.train_head by its older name."""

import runpy

if __name__ == "__main__":
    runpy.run_module("bsp_tf.train_head", run_name="__main__", alter_sys=True)
