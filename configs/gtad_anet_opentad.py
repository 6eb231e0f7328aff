r"""G-TAD on ActivityNet-1.3, as OpenTAD trains it.

Other than in configs/gtad_anet.py, gradients are clipped and segments are voted on.

Source: `configs/gtad/anet_tsn.py` and `anet_tsp.py` of OpenTAD (sming256/OpenTAD). It also decays
the first convolution ten times as much, starts from Xavier's weights, and does not weigh votes by
their tIoU; here that is as in the authors' code.

Command:

    python -m bsp_tf.train_head --config=configs/gtad_anet_opentad.py \
        --workdir=runs/gtad_anet_opentad --config.features_dir=... --config.annotations=... \
        --config.streams=action,boundary

    python -m bsp_tf.detect --workdir=runs/gtad_anet_opentad --features=... --annotations=... \
        --class_scores=... --voting=0.95 --output=detections.json

Cost: that of configs/gtad_anet.py.

Result: published with TSN features: mAP 50.19 / 35.04 / 8.11 at tIoU .5 / .75 / .95, average 34.18;
with TSP features 52.33 / 37.58 / 8.42, average 36.20. There the weights after epoch 7 are taken,
here those of the lowest validation loss. Not run here.
"""

from ml_collections import ConfigDict

from configs import gtad_anet


def get_config() -> ConfigDict:
    """All fields of a G-TAD run; each can be overridden as `--config.FIELD=VALUE`."""
    config = gtad_anet.get_config()
    config.clip_norm = 1.0
    return config
