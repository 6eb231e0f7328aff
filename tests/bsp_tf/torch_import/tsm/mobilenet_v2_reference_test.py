"""MobileNetV2 in plain PyTorch against torch modules, by either way of nesting their names."""

import functools
import re

import numpy as np
import pytest

from bsp_tf.torch_import.check import TOLERANCE, relative_difference
from bsp_tf.torch_import.tsm.mobilenet_v2_reference import mobilenet_v2_maps
from bsp_tf.torch_import.tsm.reference import tsm_outputs

torch = pytest.importorskip("torch", reason="PyTorch is an extra")

outputs = functools.partial(tsm_outputs, mobilenet_v2_maps)


@pytest.fixture(scope="module")
def network():
    from benchmarks.torch_tsm import make_torch_mobilenet_v2

    torch.manual_seed(0)
    return make_torch_mobilenet_v2(5).eval()


@pytest.fixture
def state(network) -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in network.state_dict().items()}


@pytest.fixture
def clip() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((8, 40, 48, 3)).astype(np.float32)


def as_torchvision(name: str) -> str:
    """TSM's name of a layer in a block -> torchvision's, and the classifier's."""
    found = re.fullmatch(r"(features\.(\d+)\.conv)\.(\d)(\..*)", name)
    if not found:
        return name.replace("fc.", "classifier.1.")
    block, number, position, rest = found.groups()
    module, inner = divmod(int(position), 3)
    if module == (1 if number == "1" else 2):
        return f"{block}.{module + inner}{rest}"
    return f"{block}.{module}.{inner}{rest}"


def test_equal_to_torch_modules(network, state, clip):
    with torch.inference_mode():
        expected = network(torch.tensor(clip).permute(0, 3, 1, 2)).numpy()[0]
    found = outputs(state, clip, 8)
    assert found["features"].shape == (1280,)
    tolerance = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(found["logits"], expected, atol=tolerance)
    nested = {as_torchvision(name): array for name, array in state.items()}
    assert "features.2.conv.1.0.weight" in nested and "features.1.conv.2.bias" in nested
    np.testing.assert_array_equal(outputs(nested, clip, 8)["logits"], found["logits"])


def test_without_a_classifier(state, clip):
    del state["fc.weight"], state["fc.bias"]
    assert list(outputs(state, clip, 8)) == ["features"]


def test_one_wrong_array_is_noticed(state, clip):
    expected = outputs(state, clip, 8)
    name = "features.5.conv.3.weight"
    found = outputs(state | {name: state[name].transpose(0, 1, 3, 2)}, clip, 8)
    assert relative_difference(found, expected) > 10 * TOLERANCE
    assert relative_difference(outputs(state, clip, 4), expected) > 10 * TOLERANCE
