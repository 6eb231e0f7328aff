r"""Action stream, TSM MobileNetV2 on Kinetics-400: a small and fast backbone.

Source: Lin, Gan, Han, "TSM: Temporal Shift Module", ICCV 2019, and the published weights of its
code, whose file name says 8 segments, shift 1/8, 100 epochs, dense sampling; no other word is given
on their training. The rest is the ResNet recipe (configs/k400_action_r50.py) with its two drops of
the learning rate at the same shares of the epochs.

Command:

    python -m bsp_tf.pretrain --config=configs/k400_action_mobilenet_v2.py --strategy=mirrored \
        --workdir=runs/k400_action_mobilenet_v2 --config.init_from=runs/imagenet_mobilenet_v2 \
        --config.data.train_dir=k400/train --config.data.validation_dir=k400/val

The ImageNet weights are torchvision's, made into a workdir once:

    python -m bsp_tf.import_weights --checkpoint=mobilenet_v2-7ebf99e0.pth \
        --output=runs/imagenet_mobilenet_v2

Cost: 2.7 M parameters, 2.4 G multiply-adds per clip. 240,000 clips: 187,500 steps, 1.7e17
multiply-adds with the backward pass. Activations 475 MiB per clip in float32: 7.4 GiB for 16 clips
per device.

Result: not run here. Published for the TSM code's weights: top-1 69.5 with dense sampling, 10 clips
x 3 crops of 256 pixels (ResNet-50 in the same test: 74.1); none is published with one clip.
"""

from ml_collections import ConfigDict

from configs import k400_action_r50


def get_config() -> ConfigDict:
    """The TSM recipe with MobileNetV2, dense sampling and twice the epochs."""
    config = k400_action_r50.get_config()
    config.data.sampling = "dense"
    config.model.backbone = "mobilenet_v2"
    config.optimizer.boundaries = (40, 80)
    config.train.epochs = 100
    return config
