r"""ActionFormer on THUMOS14, the published setting.

A position is one snippet; training sees a random part of up to 2,304 snippets of each video,
detection the whole video in one piece, however long it is. It names classes itself.

Source: Zhang et al., "ActionFormer: Localizing Moments of Actions with Transformers", ECCV 2022
(arXiv 2202.07925), and `thumos_i3d.yaml` of its code.

Command:

    python -m bsp_tf.train_head --config=configs/actionformer_thumos.py \
        --workdir=runs/actionformer_thumos --config.features_dir=i3d_features \
        --config.feature_layout=snippets --config.feature_stride=4 --config.feature_window=16 \
        --config.annotations=val_Annotation.csv,test_Annotation.csv \
        --config.train_subset=validation --config.validation_subset=test

Cost: 29 million parameters, and three copies of them in training; not measured.

Result: published with I3D features of 2,048 channels: mAP 82.13 / 77.80 / 70.95 / 59.40 / 43.87 at
tIoU .3 / .4 / .5 / .6 / .7, average 66.83. There the weights after the last epoch are taken, here
those of the lowest validation loss. Not run here.
"""

from ml_collections import ConfigDict

from configs import _localization


def get_config() -> ConfigDict:
    """All fields of an ActionFormer run; each can be overridden as `--config.FIELD=VALUE`."""
    config = _localization.get_config()
    config.head = "actionformer"
    config.num_segments = 2304
    config.crops = True  # False: each video is resized to num_segments columns

    # The network (see bsp_tf.localization.heads.actionformer.network.ActionFormer).
    config.width = 512
    config.num_heads = 4
    config.embedding_convs = 2
    config.stem_blocks = 2
    config.attention_windows = (19, 19, 19, 19, 19, 19)  # one for each level; 0: all positions
    config.position_encoding = False
    config.neck = "identity"  # or "fpn"
    config.drop_path = 0.1

    # True: its own classes. False: it only finds segments, and the classes of the video name them.
    config.names_classes = True
    config.min_length = 0.05  # shorter segments are left out, in columns

    # Both losses are divided by the running mean of positives of a batch, which starts as:
    config.first_normalizer = 100.0
    config.offset_weight = 1.0  # -1: the loss of the ends counts as much as that of the classes
    config.label_smoothing = 0.0

    # AdamW; the rate rises over the first warmup_epochs and falls along a cosine over the others.
    config.learning_rate = 1e-4
    config.weight_decay = 0.05
    config.clip_norm = 1.0
    config.warmup_epochs = 5
    config.epochs = 35
    config.batch_size = 2
    config.average_decay = 0.999  # of the moving average of the weights; 0: the weights themselves
    return config.lock()
