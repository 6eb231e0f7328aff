r"""Boundary stream on the sample data, trained three times as long and twice as wide.

Source: configs/sample_boundary.py.

Command:

    python -m bsp_tf.pretrain --config=configs/sample_boundary_long.py \
        --workdir=runs/boundary_long \
        --config.data.train_dir=records/train --config.data.validation_dir=records/val

Cost: 1,800 steps of 32 clips through four times the multiply-adds of the short run, about 20
minutes on 2 CPU cores.

Result: 1.000 where diff-class and same-class samples shared no frames; not run as it is now.
"""

from ml_collections import ConfigDict

from configs import sample_boundary


def get_config() -> ConfigDict:
    """The short run's config with a wider network and more steps."""
    config = sample_boundary.get_config()
    config.model.width = 0.5
    config.train.epochs = 15
    return config
