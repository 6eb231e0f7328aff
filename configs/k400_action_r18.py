r"""Action stream, TSM ResNet-18 on Kinetics-400: the small backbone of the BSP paper.

Source: Xu et al., "Boundary-Sensitive Pre-training", ICCV 2021, compares features of TSM ResNet-18;
it does not give the recipe of its action stream. Ours is that of TSM (configs/k400_action_r50.py)
with the other depth: the TSM code has one Kinetics recipe for all backbones.

Command:

    python -m bsp_tf.pretrain --config=configs/k400_action_r18.py --strategy=mirrored \
        --workdir=runs/k400_action_r18 --config.init_from=runs/imagenet_r18 \
        --config.data.train_dir=k400/train --config.data.validation_dir=k400/val

The ImageNet weights are torchvision's, made into a workdir once:

    python -m bsp_tf.import_weights --checkpoint=resnet18-f37072fd.pth --output=runs/imagenet_r18

Cost: 11.4 M parameters, 14.5 G multiply-adds per clip. 240,000 clips: 93,750 steps, 5.2e17
multiply-adds with the backward pass. Activations 212 MiB per clip in float32: 3.3 GiB for 16 clips
per device.

Result: none published for this network and recipe, not run here.
"""

from ml_collections import ConfigDict

from configs import k400_action_r50


def get_config() -> ConfigDict:
    """The TSM recipe with ResNet-18."""
    config = k400_action_r50.get_config()
    config.model.depth = 18
    return config
