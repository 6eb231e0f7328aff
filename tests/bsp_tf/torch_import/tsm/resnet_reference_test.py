"""ResNet in plain PyTorch against torch modules, and which faults a comparison shows."""

import functools

import numpy as np
import pytest

from bsp_tf.torch_import.check import TOLERANCE, relative_difference
from bsp_tf.torch_import.tsm.reference import tsm_outputs
from bsp_tf.torch_import.tsm.resnet_reference import resnet_maps

torch = pytest.importorskip("torch", reason="PyTorch is an extra")

resnet_outputs = functools.partial(tsm_outputs, resnet_maps)


@pytest.fixture(scope="module")
def network():
    from benchmarks.torch_tsm import make_torch_tsm

    torch.manual_seed(0)
    return make_torch_tsm(18, 5).eval()


@pytest.fixture
def state(network) -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in network.state_dict().items()}


@pytest.fixture
def clip() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((8, 40, 48, 3)).astype(np.float32)


def test_equal_to_torch_modules(network, state, clip):
    with torch.inference_mode():
        expected = network(torch.tensor(clip).permute(0, 3, 1, 2)).numpy()[0]
    found = resnet_outputs(state, clip, 8)
    assert found["features"].shape == (512,)
    np.testing.assert_allclose(found["logits"], expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.update(
            {"layer2.0.conv1.weight": state["layer2.0.conv1.weight"].transpose(0, 1, 3, 2)}
        ),
        lambda state: state.update(
            {"layer4.1.conv2.weight": state["layer4.1.conv2.weight"].transpose(1, 0, 2, 3)}
        ),
        lambda state: state.update({"bn1.running_var": state["bn1.running_var"] + 0.01}),
        lambda state: state.update({"fc.weight": state["fc.weight"][::-1]}),
    ],
)
def test_one_wrong_array_is_noticed(state, clip, change):
    expected = resnet_outputs(state, clip, 8)
    change(state)
    assert relative_difference(resnet_outputs(state, clip, 8), expected) > 10 * TOLERANCE


def test_another_shift_is_noticed(state, clip):
    assert (
        relative_difference(resnet_outputs(state, clip, 4), resnet_outputs(state, clip, 8))
        > 10 * TOLERANCE
    )
