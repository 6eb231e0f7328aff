r"""Action stream on clips of your own, starting from weights trained on Kinetics.

Source: the fine-tuning command of the TSM training code (UCF101, HMDB51): learning rate .001 at
batch 64, x0.1 at epochs 10 and 20 of 25, dropout .8; all layers learn. The classifier is new and
learns 5 (bias 10) times as fast. BatchNorm is over all devices: small batches on several devices
would leave too few clips each.

Command:

    python -m bsp_tf.pretrain --config=configs/finetune.py --workdir=runs/finetune \
        --config.data.train_dir=records/train --config.data.validation_dir=records/val \
        --config.init_from=runs/k400_action_r50

init_from is the workdir of a run on Kinetics, or what bsp_tf.import_weights made of a published
TSM checkpoint.

Cost: 32.7 G multiply-adds per clip for ResNet-50; for 10,000 clips 3,900 steps of 64. Activations
54 GiB in float32 on one device: train.accumulate_steps=4 needs 14 GiB; --config.model.depth=18 a
quarter of it.

Result: not run here. With few clips watch the validation accuracy: dropout .8 is for data sets of
some thousand clips.
"""

from ml_collections import ConfigDict

from configs import base


def get_config() -> ConfigDict:
    """The defaults with a short schedule at a low rate."""
    config = base.get_config()
    config.model.dropout = 0.8
    config.optimizer.learning_rate = 0.001
    config.optimizer.boundaries = (10, 20)
    config.train.batch_size = 64
    config.train.epochs = 25
    return config
