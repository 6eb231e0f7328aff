r"""Boundary stream with milder speeds, TSM ResNet-50 on Kinetics-400.

Source: the strides of configs/k400_boundary_mild_r18.py, with the backbone of
configs/k400_action_r50.py.

Command:

    python -m bsp_tf.pretrain --config=configs/k400_boundary_mild_r50.py --strategy=mirrored \
        --workdir=runs/k400_boundary_mild_r50 --config.init_from=runs/imagenet_r50 \
        --config.data.train_dir=k400/train --config.data.validation_dir=k400/val

Cost: 23.5 M parameters, 32.7 G multiply-adds per clip, memory and time as
configs/k400_action_r50.py.

Result: not run here; that of its strides is in configs/k400_boundary_mild_r18.py.
"""

from ml_collections import ConfigDict

from configs import k400_boundary_mild_r18


def get_config() -> ConfigDict:
    """The recipe with milder speeds, with ResNet-50."""
    config = k400_boundary_mild_r18.get_config()
    config.model.depth = 50
    return config
