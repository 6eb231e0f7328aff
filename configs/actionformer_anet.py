r"""ActionFormer on ActivityNet-1.3, the published setting.

Each video is resized to 192 columns. The network finds segments only; their classes are those of
the whole video, from --class_scores of bsp_tf.detect (with --fusion=sqrt, as published).

Source: Zhang et al., "ActionFormer: Localizing Moments of Actions with Transformers", ECCV 2022
(arXiv 2202.07925), and `anet_tsp.yaml` of its code.

Command:

    python -m bsp_tf.train_head --config=configs/actionformer_anet.py \
        --workdir=runs/actionformer_anet --config.features_dir=... --config.annotations=... \
        --config.streams=action,boundary

Cost: 7 million parameters; not measured.

Result: published with TSP features of 512 channels: mAP 54.67 / 37.81 / 8.36 at tIoU .5 / .75 /
.95, average 36.56. There the weights after the last epoch are taken, here those of the lowest
validation loss. Not run here.
"""

from ml_collections import ConfigDict

from configs import actionformer_thumos


def get_config() -> ConfigDict:
    """All fields of an ActionFormer run; each can be overridden as `--config.FIELD=VALUE`."""
    config = actionformer_thumos.get_config()
    config.num_segments = 192
    config.crops = False

    config.width = 256
    config.attention_windows = (7, 7, 7, 7, 7, 0)
    config.position_encoding = True

    config.names_classes = False
    config.min_length = 0.001

    config.first_normalizer = 200.0
    config.offset_weight = 2.0
    config.label_smoothing = 0.1

    config.learning_rate = 1e-3
    config.epochs = 15
    config.batch_size = 16
    return config
