r"""G-TAD on a few long real videos: windows of 34 s instead of whole videos.

Source: configs/hard_gtad.py, in windows as configs/gtad_thumos.py has them: from a handful of
videos they make enough to train on. With snippets 8 frames apart at 30 frames/s a window of 128 is
34 s, and a segment has at most 26 s.

Command:

    python -m bsp_tf.train_head --config=configs/real_gtad.py --workdir=runs/gtad \
        --config.features_dir=features --config.annotations=annotations.json

Cost: 75 steps for 3 to 4 videos, about half a minute on 2 CPU cores.

Result: average mAP 1 to 4 with handwash, whose 3 to 4 training videos are too few
(docs/results.md).
"""

from ml_collections import ConfigDict

from configs import hard_gtad


def get_config() -> ConfigDict:
    """The hard world's network over windows."""
    config = hard_gtad.get_config()
    config.windows = True
    config.max_duration = 96
    return config
