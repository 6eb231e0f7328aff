r"""Action stream on the hard sample world (docs/results.md).

Source: configs/sample_action.py, trained longer: a moving camera, a moving bystander and
compression make the classes harder to learn.

Command:

    python -m bsp_tf.pretrain --config=configs/hard_action.py --workdir=runs/action \
        --config.data.train_dir=records/train --config.data.validation_dir=records/val

Cost: 1,200 steps of 32 clips, about three and a half minutes on 2 CPU cores.

Result: docs/results.md.
"""

from ml_collections import ConfigDict

from configs import sample_action


def get_config() -> ConfigDict:
    """The sample's network, trained for twice as many epochs."""
    config = sample_action.get_config()
    config.train.epochs = 10
    return config
