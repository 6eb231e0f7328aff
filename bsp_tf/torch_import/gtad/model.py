"""A G-TAD out of the reference's arrays: the config it is run with, and the model, checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.localization.heads.gtad.head import HEAD
from bsp_tf.localization.heads.gtad.network import GTAD
from bsp_tf.torch_import.check import TOLERANCE, relative_difference, require_equal
from bsp_tf.torch_import.gtad.names import load_torch_state
from bsp_tf.torch_import.gtad.reference import gtad_outputs
from bsp_tf.torch_import.gtad.sizes import THUMOS, gtad_sizes
from bsp_tf.torch_import.placing import plain_names
from bsp_tf.torch_import.sources import source_fields

# Two nodes may be equally near up to rounding; then either is a right neighbour, with other scores.
DRAWS = 3


def gtad_config(
    state: Mapping[str, np.ndarray],
    given: Mapping[str, int],
    streams: str,
    feature_settings: Mapping[str, str],
) -> dict[str, Any]:
    """config.json of the workdir.

    Args:
        state: PyTorch name -> array in PyTorch layout.
        given: `num_segments`, `max_duration` where they are not those of the branch.
        streams, feature_settings: See `source_fields`.

    Raises:
        InputError: it is another network, the sizes given do not fit one another, or a setting is
            none.
    """
    sizes = gtad_sizes(state)
    # Of the branch, whatever sizes are given.
    windows = (sizes["num_segments"], sizes["max_duration"]) == THUMOS
    sizes |= given
    if sizes["max_duration"] > sizes["num_segments"]:
        raise InputError(
            f"--max_duration={sizes['max_duration']} exceeds "
            f"--num_segments={sizes['num_segments']}."
        )
    # As JSON gives them back.
    sizes["map_widths"] = list(sizes["map_widths"])
    # Without the head's name: an import of version 0.1 is the same one.
    fields = source_fields(streams, feature_settings)
    return {**sizes, "windows": windows, **fields, "imported": {}}


def checked_gtad(state: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> GTAD:
    """The model, which was compared with PyTorch on random features.

    Args:
        state: PyTorch name -> array in PyTorch layout.
        config: From `gtad_config`.

    Raises:
        InputError: a name, a shape or the outputs do not fit.
    """
    fields = ConfigDict({**config, "map_widths": tuple(config["map_widths"])})
    model: GTAD = HEAD.build(fields, config["feature_dim"], 0)
    load_torch_state(model, state)
    print(
        f"G-TAD: {config['feature_dim']} channels, {config['num_segments']} positions, durations "
        f"up to {config['max_duration']}, {config['inner_bins']} + {config['context_bins']} bins"
    )
    sizes = [config[name] for name in ("max_duration", "inner_bins", "context_bins", "neighbours")]
    rng, smallest = np.random.default_rng(0), np.inf
    for _ in range(DRAWS):
        features = rng.standard_normal((config["num_segments"], config["feature_dim"])).astype(
            np.float32
        )
        found = {
            name: values[0] for name, values in model(features[np.newaxis], training=False).items()
        }
        expected = gtad_outputs(plain_names(state), features, *sizes)
        smallest = min(smallest, relative_difference(found, expected))
        if smallest <= TOLERANCE:
            break
    require_equal(smallest)
    return model
