r"""Boundary stream on the hard sample world by the paper's rule (docs/results.md).

Source: configs/hard_action.py with the boundary task; types, transition and strides are those of
configs/base.py.

Command:

    python -m bsp_tf.pretrain --config=configs/hard_boundary.py --workdir=runs/boundary \
        --config.data.train_dir=records/train --config.data.validation_dir=records/val

Cost: 1,200 steps of 32 clips, about three and a half minutes on 2 CPU cores.

Result: docs/results.md.
"""

from ml_collections import ConfigDict

from configs import hard_action


def get_config() -> ConfigDict:
    """The action stream's config with the boundary task."""
    config = hard_action.get_config()
    config.task = "boundary"
    config.data.validation_passes = 2
    return config
