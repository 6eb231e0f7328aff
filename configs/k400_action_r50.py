r"""Action stream, TSM ResNet-50 on Kinetics-400: the TSM recipe as published.

Source: Lin, Gan, Han, "TSM: Temporal Shift Module", ICCV 2019, and the Kinetics command of its
training code: from ImageNet weights, 8 frames (uniform), SGD with momentum .9, learning rate .02 at
batch 128, weight decay 1e-4, 50 epochs with x0.1 at 20 and 40, dropout .5, gradient-norm clip 20,
classifier x5 (kernel) and x10 (bias). These are the defaults of configs/base.py. BatchNorm is per
device, as there: with 8 devices each normalises by its own 16 clips (128 frames), which costs no
exchange; with fewer than 4 clips per device set model.sync_batch_norm=True.

Command:

    python -m bsp_tf.pretrain --config=configs/k400_action_r50.py --strategy=mirrored \
        --workdir=runs/k400_action_r50 --config.init_from=runs/imagenet_r50 \
        --config.data.train_dir=k400/train --config.data.validation_dir=k400/val

The ImageNet weights are torchvision's, made into a workdir once:

    python -m bsp_tf.import_weights --checkpoint=resnet50-0676ba61.pth --output=runs/imagenet_r50

Cost: 24.3 M parameters, 32.7 G multiply-adds per clip. 240,000 clips: 93,750 steps, 1.2e18
multiply-adds with the backward pass. Activations 865 MiB per clip in float32: 14 GiB for 16 clips
per device. With less memory lower nothing but train.accumulate_steps=2 (or 4), or set
train.precision=bfloat16.

Result: published top-1 71.2 (one centre crop). Not run here: on 2 CPU cores it would take more than
a year.
"""

from ml_collections import ConfigDict

from configs import base


def get_config() -> ConfigDict:
    """The defaults, with BatchNorm per device."""
    config = base.get_config()
    config.model.sync_batch_norm = False
    return config
