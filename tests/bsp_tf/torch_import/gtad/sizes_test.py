"""Which G-TAD it is, from names and shapes."""

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.torch_import.gtad.sizes import gtad_sizes, is_gtad


def arrays(channels: int, bins: int, kernel: int) -> dict[str, np.ndarray]:
    """The arrays that tell the sizes, at the reference's widths."""
    shapes = {
        "backbone1.0.weight": (256, channels // 4, 3),
        "backbone1.2.tconvs.0.weight": (128, 256, 1),
        "backbone1.2.tconvs.2.weight": (128, 4, 3),
        "localization.0.weight": (512, 256 * bins, 1, 1),
        "localization.2.weight": (128, 512, 1, 1),
        "localization.4.weight": (128, 128, kernel, kernel),
    }
    return {
        f"module.{name}": np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()
    }


@pytest.mark.parametrize(
    ("bins", "kernel", "expected"),
    [
        (36, 1, (100, 100, 32, 4)),
        (32, 1, (100, 100, 32, 0)),
        (32, 3, (256, 64, 16, 16)),
        (16, 3, (256, 64, 16, 0)),
    ],
)
def test_both_branches(bins, kernel, expected):
    state = arrays(400, bins, kernel)
    sizes = gtad_sizes(state)
    assert is_gtad(state)
    assert (
        tuple(
            sizes[name] for name in ("num_segments", "max_duration", "inner_bins", "context_bins")
        )
        == expected
    )
    assert (
        sizes["feature_dim"] == 400 and sizes["groups"] == 32 and sizes["map_widths"] == (512, 128)
    )
    assert (sizes["map_kernel"], sizes["branch_width"], sizes["base_width"]) == (kernel, 128, 256)


def test_other_networks():
    assert not is_gtad({"conv1.weight": np.zeros(3)})
    with pytest.raises(InputError, match="takes 20 bins an anchor"):
        gtad_sizes(arrays(400, 20, 1))
    state = arrays(400, 36, 1)
    del state["module.localization.4.weight"]
    with pytest.raises(InputError, match="lack localization.4.weight"):
        gtad_sizes(state)
    with pytest.raises(InputError, match=r"localization.4.weight \(128,\)"):
        gtad_sizes(state | {"localization.4.weight": np.zeros(128)})
