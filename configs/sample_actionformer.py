r"""ActionFormer on the sample videos: a narrow network that names classes itself.

Source: configs/actionformer_anet.py, with 64 columns instead of 192 (the videos last 12-45 s), a
quarter of the width, four levels, and 60 epochs of small batches, since there are a few dozen
videos only. The weights' average forgets faster for the same reason.

Command:

    python -m bsp_tf.train_head --config=configs/sample_actionformer.py \
        --workdir=runs/actionformer_two_stream --config.features_dir=features \
        --config.annotations=sample/annotations.json --config.streams=action,boundary

Cost: 720 steps, about a minute on 2 CPU cores.

Result: average mAP 21.0 with the action stream alone on the 24 test videos, one run; G-TAD on the
same features 27.7. The 95% interval of the difference, -20.5 to +2.0, holds 0.
"""

from ml_collections import ConfigDict

from configs import actionformer_anet


def get_config() -> ConfigDict:
    """The published setting, made small."""
    config = actionformer_anet.get_config()
    config.num_segments = 64
    config.width = 64
    config.attention_windows = (7, 7, 7, 0)

    config.names_classes = True

    config.first_normalizer = 50.0
    config.offset_weight = 1.0
    config.label_smoothing = 0.0

    config.epochs = 60
    config.batch_size = 4
    config.average_decay = 0.99
    return config
