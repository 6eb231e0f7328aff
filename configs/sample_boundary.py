r"""Boundary stream on the sample data, small enough for two CPU cores.

Source: the network and the optimizer of configs/sample_action.py; the boundary task of
configs/base.py.

Command:

    python -m bsp_tf.pretrain --config=configs/sample_boundary.py --workdir=runs/boundary \
        --config.data.train_dir=records/train --config.data.validation_dir=records/val

Cost: 600 steps of 32 clips, about a minute and a half on 2 CPU cores; the step waits about 1% of
the time for input.

Result: accuracy .98 with seed 0; in an earlier sample world .97 to .99 with six of eight seeds, .94
and .84 with two, where changes of speed were not yet fully learned; .25 (chance) when one frame is
repeated.
"""

from ml_collections import ConfigDict

from configs import sample_action


def get_config() -> ConfigDict:
    """The action stream's config with the boundary task."""
    config = sample_action.get_config()
    config.task = "boundary"
    config.data.validation_passes = 2

    config.train.epochs = 5
    return config
