r"""G-TAD on THUMOS14, the published setting.

A position is one snippet of 5 frames; windows of 256 snippets, 128 apart; anchors of up to 64
snippets. Other than for ActivityNet: 16 + 16 bins, two 3x3 convolutions over the map, another
weighing of the loss, clipped gradients.

Source: Xu et al., "G-TAD: Sub-Graph Localization for Temporal Action Detection", CVPR 2020 (arXiv
1911.11462), and branch `master` of its code.

Command:

    python -m bsp_tf.train_head --config=configs/gtad_thumos.py --workdir=runs/gtad_thumos \
        --config.features_dir=... --config.annotations=val_Annotation.csv,test_Annotation.csv \
        --config.train_subset=validation --config.validation_subset=test

docs/localization.md goes the whole way with the public features.

Cost: a step of 8 windows takes about 7 s of processor time (all cores together) and 1.4 GB.

Result: published with TSN features of 2,048 channels (RGB and flow): mAP 54.5 / 47.6 / 40.2 / 30.8
/ 23.4 at tIoU .3 / .4 / .5 / .6 / .7, average 39.3; configs/gtad_thumos_opentad.py is a recipe that
does better. Not run here.
"""

from ml_collections import ConfigDict

from configs import gtad_anet


def get_config() -> ConfigDict:
    """All fields of a G-TAD run; each can be overridden as `--config.FIELD=VALUE`."""
    config = gtad_anet.get_config()
    config.num_segments = 256
    config.max_duration = 64
    config.map_kernel = 3
    config.inner_bins = 16
    config.context_bins = 16

    config.windows = True

    config.loss = "thumos"
    config.learning_rate = 4e-5
    config.clip_norm = 1.0
    config.batch_size = 8
    return config
