"""Arrays by name into variables: all of them, or none."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.torch_import.placing import Place, place_arrays


@pytest.fixture
def plan():
    return {
        "conv.weight": Place((2, 3), tf.Variable(tf.zeros([3, 2])), np.transpose),
        "conv.bias": Place((2,), tf.Variable(tf.zeros([2])), np.asarray),
    }


def test_all_are_assigned(plan):
    weight = np.arange(6.0).reshape(2, 3)
    place_arrays("net", plan, {"module.conv.weight": weight, "conv.bias": np.ones(2)})
    np.testing.assert_array_equal(plan["conv.weight"].variable, weight.T)
    np.testing.assert_array_equal(plan["conv.bias"].variable, [1, 1])


def test_what_does_not_fit_changes_nothing(plan):
    good = {"conv.weight": np.ones((2, 3)), "conv.bias": np.ones(2)}
    with pytest.raises(InputError, match=r"this net: missing \['conv.bias'\] .*\['gone'\]"):
        place_arrays("net", plan, {"conv.weight": np.ones((2, 3)), "gone": np.ones(2)})
    with pytest.raises(InputError, match=r"'conv.bias' .*\(3,\).*\(2,\)"):
        place_arrays("net", plan, good | {"conv.bias": np.ones(3)})
    assert not np.any(plan["conv.weight"].variable.numpy())
