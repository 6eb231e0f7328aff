"""Which TSM it is, from names and shapes; and every other network refused."""

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.torch_import.tsm.sizes import TSMSizes, find_backbone, tsm_sizes

BLOCKS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


def names(
    depth: int, num_classes: int = 5, width: int = 64, shifted: bool = True
) -> dict[str, np.ndarray]:
    """The arrays that tell the sizes, as in a TSM checkpoint."""
    shapes = {"module.base_model.conv1.weight": (width, 3, 7, 7)}
    for stage, count in enumerate(BLOCKS[depth]):
        for number in range(count):
            block, planes = f"module.base_model.layer{stage + 1}.{number}", width * 2**stage
            wrapped = shifted and (depth < 101 or number % 2 == 0)
            shapes[f"{block}.conv1.{'net.' if wrapped else ''}weight"] = (planes, 1, 1, 1)
            if depth >= 50:
                shapes[f"{block}.conv3.weight"] = (4 * planes, planes, 1, 1)
    shapes["module.new_fc.weight"] = (num_classes, width * (32 if depth >= 50 else 8))
    shapes["module.new_fc.bias"] = (num_classes,)
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("depth", [10, 18, 34, 50, 101])
@pytest.mark.parametrize("shifted", [True, False])
def test_depth_width_classes_and_shift(depth, shifted):
    state = names(depth, 7, width=16, shifted=shifted)
    assert find_backbone(state) == "resnet"
    assert tsm_sizes(state, "resnet") == TSMSizes(
        "resnet", {"depth": depth, "width": 0.25}, num_classes=7, shifted=shifted
    )


def mobilenet(shifted: tuple[int, ...] = (3, 5, 6, 8, 9, 10, 12, 13, 15, 16)) -> dict:
    """The arrays that tell the sizes of a MobileNetV2 of half the width."""
    shapes = {"features.0.0.weight": (32, 3, 3, 3), "features.18.0.weight": (1280, 160, 1, 1)}
    for number in range(2, 18):
        net = "net." if number in shifted else ""
        shapes[f"features.{number}.conv.0.{net}weight"] = (1, 1, 1, 1)
    shapes["features.17.conv.6.weight"] = (160, 480, 1, 1)
    return {f"base_model.{name}": np.zeros(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("shifted", [True, False])
def test_mobilenet_v2_without_classifier(shifted):
    state = mobilenet() if shifted else mobilenet(())
    assert find_backbone(state) == "mobilenet_v2"
    assert tsm_sizes(state, "mobilenet_v2") == TSMSizes(
        "mobilenet_v2", {"width": 0.5}, num_classes=None, shifted=shifted
    )


def test_other_networks():
    assert find_backbone({"features.0.weight": np.zeros(3)}) is None
    with pytest.raises(InputError, match=r"\(3, 8, 36, 3\) bottleneck"):
        tsm_sizes(names(152), "resnet")
    state = names(18) | {"module.base_model.conv1.weight": np.zeros((64, 10, 7, 7))}
    with pytest.raises(InputError, match=r"conv1.weight .*\(64, 10, 7, 7\)"):
        tsm_sizes(state, "resnet")
    with pytest.raises(InputError, match=r"layer4.0.conv1.weight .*\(3,\)"):
        tsm_sizes(
            names(18) | {"module.base_model.layer4.0.conv1.net.weight": np.zeros(3)}, "resnet"
        )
    state = names(18)
    del state["module.new_fc.weight"]
    with pytest.raises(InputError, match="fc.weight"):
        tsm_sizes(state, "resnet")
    state = mobilenet() | {"base_model.features.0.0.weight": np.zeros((32, 10, 3, 3))}
    with pytest.raises(InputError, match="features.0.0.weight"):
        tsm_sizes(state, "mobilenet_v2")


def test_other_shifts():
    state = names(18)
    state["base_model.layer2.1.conv1.weight"] = state.pop(
        "module.base_model.layer2.1.conv1.net.weight"
    )
    with pytest.raises(InputError, match="8 convolutions.* 7 .* 0 .*layer1.0.conv1"):
        tsm_sizes(state, "resnet")
    # `block` instead of `blockres`: the whole block is wrapped.
    state = {name.replace(".conv1.net.", ".net.conv1."): array for name, array in names(18).items()}
    with pytest.raises(InputError, match=" 0 .* 8 .*layer1.0,"):
        tsm_sizes(state, "resnet")
    with pytest.raises(InputError, match=" 10 .* 1 .*features.4.conv.0"):
        tsm_sizes(mobilenet((3, 4, 5, 6, 8, 9, 10, 12, 13, 15, 16)), "mobilenet_v2")
