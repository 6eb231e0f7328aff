"""Loading PyTorch names and layouts, and refusing what does not fit."""

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.stack import named_variables
from bsp_tf.models.tsm import TSM
from bsp_tf.torch_import.tsm.names import load_torch_state, plain_name, to_tf_layout, torch_name


@pytest.fixture
def model() -> TSM:
    tsm = TSM(3, depth=10, width=0.125)
    tsm.build()
    return tsm


@pytest.fixture
def state(model) -> dict[str, np.ndarray]:
    """A torchvision-like state_dict that fits `model`, in PyTorch layout."""
    rng = np.random.default_rng(0)
    arrays = {}
    for path, variable in named_variables(model).items():
        if path == "dropout/state":
            continue
        shape = tuple(variable.shape)
        shape = (shape[3], shape[2], shape[0], shape[1]) if len(shape) == 4 else shape[::-1]
        arrays[torch_name(path)] = rng.standard_normal(shape)
        if path.endswith("/gamma"):
            arrays[torch_name(path).replace("weight", "num_batches_tracked")] = np.zeros(())
    return arrays


def as_tsm_checkpoint(name: str) -> str:
    if name.startswith("fc."):
        return f"module.new_{name}"
    if name.startswith("layer"):
        name = name.replace(".conv1.", ".conv1.net.")
    return f"module.base_model.{name}"


def test_every_naming_gives_the_same_model(model, state):
    load_torch_state(model, state)
    expected = model.get_weights()
    np.testing.assert_array_equal(
        model.conv1.kernel[1, 2, 0], state["conv1.weight"][:, 0, 1, 2].astype(np.float32)
    )
    np.testing.assert_array_equal(model.fc.kernel, state["fc.weight"].T.astype(np.float32))
    np.testing.assert_array_equal(
        model.layer4_0.downsample_norm.moving_variance,
        state["layer4.0.downsample.1.running_var"].astype(np.float32),
    )
    for rename in (
        as_tsm_checkpoint,
        lambda name: as_tsm_checkpoint(name).removeprefix("module."),
        lambda name: f"base_model.{name}",
    ):
        load_torch_state(model, {name: np.zeros_like(array) for name, array in state.items()})
        load_torch_state(model, {rename(name): array for name, array in state.items()})
        for one, other in zip(model.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_names():
    assert plain_name("module.base_model.layer1.0.conv1.net.weight") == "layer1.0.conv1.weight"
    assert plain_name("module.new_fc.bias") == plain_name("module.base_model.fc.bias") == "fc.bias"
    assert torch_name("layer2.0/downsample.1/moving_mean") == "layer2.0.downsample.1.running_mean"
    assert plain_name("base_model.classifier.bias") == plain_name("classifier.1.bias") == "fc.bias"
    assert to_tf_layout(np.zeros((4, 3, 2, 1)), "kernel").shape == (2, 1, 3, 4)
    assert to_tf_layout(np.zeros((4, 1, 3, 2)), "depthwise_kernel").shape == (3, 2, 4, 1)


def test_faults_are_listed_and_nothing_is_changed(model, state):
    before = model.get_weights()
    del state["bn1.weight"]
    state["layer9.0.conv1.weight"] = np.zeros((1, 1, 1, 1))
    state["fc.bias"] = np.zeros(4)
    with pytest.raises(InputError) as error:
        load_torch_state(model, state)
    message = str(error.value)
    assert "bn1.weight: missing" in message and "layer9.0.conv1.weight: unexpected" in message
    assert "fc.bias: shape (4,), the model has (3,)" in message and "\n" not in message
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_same_weight_twice(model, state):
    state["module.new_fc.bias"] = state["fc.bias"]
    with pytest.raises(InputError, match="fc.bias"):
        load_torch_state(model, state)


def test_without_a_classifier_the_model_keeps_its_own(model, state):
    before = model.fc.get_weights()
    load_torch_state(model, {name: a for name, a in state.items() if not name.startswith("fc.")})
    for one, other in zip(model.fc.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(model.bn1.gamma, state["bn1.weight"].astype(np.float32))


def test_a_checkpoint_of_another_depth_lists_a_few_and_counts_the_rest(state):
    with pytest.raises(InputError, match=r"depth 18.*\d+ more"):
        load_torch_state(TSM(3, depth=18, width=0.125), state)
