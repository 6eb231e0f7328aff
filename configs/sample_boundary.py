r"""Boundary stream on the sample data, small enough for two CPU cores.

Source: the network and the optimizer of configs/sample_action.py; the boundary task of
configs/base.py.

Command:

    python -m bsp_tf.pretrain --config=configs/sample_boundary.py --workdir=runs/boundary \
        --config.data.train_dir=records/train --config.data.validation_dir=records/val

Cost: 960 steps of 32 clips, two and a half minutes on 2 CPU cores with AVX-512, four without; the
step waits about 1% of the time for input.

Result: accuracy .975 to .996 with each of eight seeds (0 to 7) on a CPU without AVX-512; .25
(chance) when one frame is repeated. With 600 steps, in an earlier sample world, two of eight seeds
had not yet fully learned the changes of speed (.94 and .84).
"""

from ml_collections import ConfigDict

from configs import sample_action


def get_config() -> ConfigDict:
    """The action stream's config with the boundary task."""
    config = sample_action.get_config()
    config.task = "boundary"
    config.data.validation_passes = 2

    config.train.epochs = 8
    return config
