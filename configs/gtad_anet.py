"""G-TAD on ActivityNet-1.3, the published setting (Xu et al., arXiv 1911.11462; code branch `anet`).

    python -m bsp_tf.train_gtad --config=configs/gtad_anet.py --workdir=runs/gtad_anet \
        --config.features_dir=... --config.annotations=... --config.streams=action,boundary

Cost: 9,649 training videos, 10 epochs of 604 steps; 1.5 GB of memory for features of 400 channels. A training
step of batch 4 at feature_dim 400 takes about 0.7 s on 2 CPU cores, one of batch 16 about 4.9 s. Published
result with TSN features: average mAP 34.09. With TSM features (the BSP paper, arXiv 2011.10830, table 1):
50.01 / 35.07 / 8.02 at tIoU .5 / .75 / .95, average 34.26; with boundary-sensitive features added 50.94 / 35.61 /
7.98, average 34.75. Not run here.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """All fields of a G-TAD run; each can be overridden as --config.<field>=<value>."""
    config = ConfigDict()
    # What to train on. streams: action, boundary or action,boundary (joined in this order).
    config.features_dir = ""
    config.annotations = ""
    config.streams = "action,boundary"
    config.train_subset = "training"
    config.validation_subset = "validation"

    # The network: T, D and the widths (see bsp_tf.localization.gtad.GTAD).
    config.num_segments = 100
    config.max_duration = 100
    config.base_width = 256
    config.branch_width = 128
    config.map_widths = (512, 128)
    config.groups = 32
    config.stem_groups = 4
    config.neighbours = 3
    config.inner_bins = 32
    config.context_bins = 4

    # Adam with coupled weight decay; the rate is multiplied by 0.1 every lr_drop_every epochs.
    config.learning_rate = 4e-3
    config.weight_decay = 1e-4
    config.lr_drop_every = 5
    config.batch_size = 16
    config.epochs = 10
    config.seed = 0
    return config
