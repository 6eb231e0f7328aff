r"""G-TAD on THUMOS14, as OpenTAD trains it.

Other than in configs/gtad_thumos.py: the loss of ActivityNet, a higher learning rate, 8 epochs, a
narrower suppression, and segments are voted on.

Source: `configs/gtad/thumos_tsn.py` and `thumos_i3d.py` of OpenTAD (sming256/OpenTAD). It also
takes only segments between likely boundaries, makes the first convolution over the map 3x3, too,
decays the first one over time ten times as much, starts from Xavier's weights, and does not weigh
votes by their tIoU; here that is as in the authors' code.

Command:

    python -m bsp_tf.train_head --config=configs/gtad_thumos_opentad.py \
        --workdir=runs/gtad_thumos_opentad --config.features_dir=... \
        --config.annotations=val_Annotation.csv,test_Annotation.csv \
        --config.train_subset=validation --config.validation_subset=test

    python -m bsp_tf.detect --workdir=runs/gtad_thumos_opentad --features=... \
        --annotations=test_Annotation.csv --subset=test --class_scores=uNet_test.npy \
        --nms_width=0.3 --voting=0.95 --output=detections_thumos.json

Cost: that of configs/gtad_thumos.py for each step.

Result: published with TSN features: mAP 60.52 / 55.08 / 48.50 / 39.60 / 28.74 at tIoU .3 / .4 / .5
/ .6 / .7, average 46.49; with I3D features 63.35 / 59.07 / 51.76 / 42.65 / 31.66, average 49.70.
There the best epoch on the test videos is taken, here that of the lowest loss. Not run here.
"""

from ml_collections import ConfigDict

from configs import gtad_thumos


def get_config() -> ConfigDict:
    """All fields of a G-TAD run; each can be overridden as `--config.FIELD=VALUE`."""
    config = gtad_thumos.get_config()
    config.loss = "activitynet"
    config.learning_rate = 1e-4
    config.epochs = 8
    return config
