r"""G-TAD on ActivityNet-1.3, the published setting.

Source: Xu et al., "G-TAD: Sub-Graph Localization for Temporal Action Detection", CVPR 2020 (arXiv
1911.11462), and branch `anet` of its code.

Command:

    python -m bsp_tf.train_head --config=configs/gtad_anet.py --workdir=runs/gtad_anet \
        --config.features_dir=... --config.annotations=... --config.streams=action,boundary

docs/localization.md says which fields describe the features of other tools.

Cost: 9,649 training videos, 10 epochs of 604 steps; 1.5 GB of memory for features of 400 channels.
A training step at feature_dim 400 takes about 0.9 s of processor time (all cores together) at batch
4, 3.7 s at batch 16.

Result: published with TSN features: average mAP 34.09 (the paper; configs/gtad_anet_opentad.py for
OpenTAD's re-run). With TSM features (the BSP paper, arXiv 2011.10830, table 1): 50.01 / 35.07 /
8.02 at tIoU .5 / .75 / .95, average 34.26; with boundary-sensitive features added 50.94 / 35.61 /
7.98, average 34.75. Not run here.
"""

from ml_collections import ConfigDict

from configs import _localization


def get_config() -> ConfigDict:
    """All fields of a G-TAD run; each can be overridden as `--config.FIELD=VALUE`."""
    config = _localization.get_config()
    config.head = "gtad"
    config.num_segments = 100

    # The network (see bsp_tf.localization.heads.gtad.network.GTAD).
    config.max_duration = 100
    config.base_width = 256
    config.branch_width = 128
    config.map_widths = (512, 128)
    config.map_kernel = 1  # size of the last two hidden convolutions over the map
    config.groups = 32
    config.stem_groups = 4
    config.neighbours = 3
    config.inner_bins = 32
    config.context_bins = 4

    # Weights of the loss: "activitynet" (boundary + 10 regression + classification) or "thumos".
    config.loss = "activitynet"

    # Adam with coupled weight decay; the rate is multiplied by 0.1 every lr_drop_every epochs.
    config.learning_rate = 4e-3
    config.weight_decay = 1e-4
    config.lr_drop_every = 5
    config.batch_size = 16
    config.epochs = 10
    return config.lock()
