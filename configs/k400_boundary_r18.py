r"""Boundary stream, TSM ResNet-18 on Kinetics-400: the pretext task of the BSP paper.

Source: Xu et al., "Boundary-Sensitive Pre-training for Temporal Localization in Videos", ICCV 2021.
It says: four classes, cross-entropy, diff-class with a smooth transition, the others without, the
same backbone and frames as the action stream. What it leaves open is chosen here:

- Initial weights: torchvision's of ImageNet, as the action stream's.
- Optimizer, schedule, epochs: those of the action stream (configs/k400_action_r18.py), so that the
  two streams differ in their task alone.
- Parameter groups "plain", dropout 0: the faster classifier of TSM makes up for ImageNet features
  that fit the new classes at once, and its dropout fights overfitting. Four classes drawn anew for
  each batch need neither.
- Warm-up of 500 steps: the pretext task starts at a plateau (joints known, speeds at chance), where
  the full rate at once makes the first steps the largest.
- Boundary at frames 3-5 of 8: the paper's Figure 1 shows 4 and 5; 3 leaves no side with fewer than
  three frames.
- Transition 2-6 frames, linear: a single length would be the only blend that the network knows;
  real fades differ.
- Strides 1 and 4: a change of speed by 4 can be seen in 3-5 frames; 2 to 1 is often hidden by the
  motion itself. A clip needs 29 frames then; shorter ones are left out.
- Pairing: of four clips come one sample of each type, and the diff-class and the same-class sample
  show one of the clips with the same frames, decoded once. Its content cannot tell the two apart.
- BatchNorm over all devices: twins and the frames of a slow clip are nearly alike, so that a
  device's 16 clips hold fewer different pictures than 16 action clips. Not compared with statistics
  per device.

Command:

    python -m bsp_tf.pretrain --config=configs/k400_boundary_r18.py --strategy=mirrored \
        --workdir=runs/k400_boundary_r18 --config.init_from=runs/imagenet_r18 \
        --config.data.train_dir=k400/train --config.data.validation_dir=k400/val

Cost: 11.2 M parameters, 14.5 G multiply-adds per clip, memory as the action stream's. A pass over N
clips makes at most N samples (two pairs of clips, one sample of each type); 93,750 steps of 128 for
240,000 clips.

Result: none published for the pretext task, not run here. Chance is .25; about .75 is the plateau
at which the joints are solved and the speeds are not: look at the accuracy by type.
"""

from ml_collections import ConfigDict

from configs import k400_action_r18


def get_config() -> ConfigDict:
    """The action stream's recipe with the boundary task."""
    config = k400_action_r18.get_config()
    config.task = "boundary"
    config.model.dropout = 0.0
    config.model.sync_batch_norm = True
    config.optimizer.parameter_groups = "plain"
    config.optimizer.warmup_steps = 500
    return config
