"""Which TSM it is, from names and shapes; and every other network refused."""

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.torch_import.tsm_sizes import TSMSizes, is_resnet, tsm_sizes

BLOCKS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
}


def names(
    depth: int, num_classes: int = 5, width: int = 64, shifted: bool = True
) -> dict[str, np.ndarray]:
    """The arrays that tell the sizes, as in a TSM checkpoint."""
    shapes = {"module.base_model.conv1.weight": (width, 3, 7, 7)}
    for stage, count in enumerate(BLOCKS[depth]):
        for number in range(count):
            block, planes = f"module.base_model.layer{stage + 1}.{number}", width * 2**stage
            shapes[f"{block}.conv1.{'net.' if shifted else ''}weight"] = (planes, 1, 1, 1)
            if depth >= 50:
                shapes[f"{block}.conv3.weight"] = (4 * planes, planes, 1, 1)
    shapes["module.new_fc.weight"] = (num_classes, width * (32 if depth >= 50 else 8))
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("depth", [10, 18, 34, 50])
@pytest.mark.parametrize("shifted", [True, False])
def test_depth_width_classes_and_shift(depth, shifted):
    state = names(depth, 7, width=16, shifted=shifted)
    assert is_resnet(state)
    assert tsm_sizes(state) == TSMSizes(num_classes=7, depth=depth, width=0.25, shifted=shifted)


def test_other_networks():
    assert not is_resnet({"features.0.weight": np.zeros(3)})
    with pytest.raises(InputError, match=r"\(3, 4, 23, 3\) bottleneck blocks"):
        tsm_sizes(names(101))
    state = names(18) | {"module.base_model.conv1.weight": np.zeros((64, 10, 7, 7))}
    with pytest.raises(InputError, match="only networks of single RGB frames"):
        tsm_sizes(state)
    state = names(18)
    del state["module.new_fc.weight"]
    with pytest.raises(InputError, match="fc.weight is missing"):
        tsm_sizes(state)


def test_other_shifts():
    state = names(18)
    state["base_model.layer2.1.conv1.weight"] = state.pop(
        "module.base_model.layer2.1.conv1.net.weight"
    )
    with pytest.raises(InputError, match="wrapped are 7 of 8"):
        tsm_sizes(state)
    # `block` instead of `blockres`: the whole block is wrapped.
    state = {name.replace(".conv1.net.", ".net.conv1."): array for name, array in names(18).items()}
    with pytest.raises(InputError, match="another temporal shift .*layer1.0.net.conv1.weight"):
        tsm_sizes(state)
