r"""Boundary stream for live streams, on the sample data: no frame depends on a later one.

Source: configs/sample_boundary.py, with the shift of Lin, Gan and Han, "TSM", ICCV 2019, section
3.3 (online): 1/8 of the channels comes from the frame before, none from the one after.

Command:

    python -m bsp_tf.pretrain --config=configs/sample_boundary_online.py \
        --workdir=runs/boundary_online \
        --config.data.train_dir=records/train --config.data.validation_dir=records/val

Cost: as configs/sample_boundary.py.

Result: accuracy .96 with seed 0 (one run; .98 looking both ways), .25 (chance) when one frame is
repeated.
"""

from ml_collections import ConfigDict

from configs import sample_boundary


def get_config() -> ConfigDict:
    """The boundary stream's config, looking back only."""
    config = sample_boundary.get_config()
    config.model.shift = "past"
    return config
