r"""G-TAD on the hard sample world: as many columns as its short actions need.

Source: configs/sample_gtad.py, with 128 positions. The best segments on that grid would have an
average recall of 97%, at tIoU 0.95 of 78%; the rest is rounding.

Command:

    python -m bsp_tf.train_head --config=configs/hard_gtad.py --workdir=runs/gtad \
        --config.features_dir=features --config.annotations=sample/annotations.json

Cost: see docs/results.md.

Result: docs/results.md.
"""

from ml_collections import ConfigDict

from configs import sample_gtad


def get_config() -> ConfigDict:
    """The sample's network over more columns, for fewer epochs of more videos."""
    config = sample_gtad.get_config()
    config.num_segments = 128
    config.max_duration = 128
    config.lr_drop_every = 10
    config.epochs = 15
    return config
