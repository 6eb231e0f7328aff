"""The placing head: its place in the network, and the map made of its answers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.base.stack import named_variables
from bsp_tf.models.place_map import place_map
from bsp_tf.models.tsm import TSM
from bsp_tf.models.two_stream import TwoStream

SIZES = {"depth": 10, "width": 0.125}


def tsm(place: str = "none") -> TSM:
    keras.utils.set_random_seed(0)
    model = TSM(4, place=place, **SIZES)
    model.build()
    return model


def test_the_head_sees_single_frames_and_changes_nothing_else():
    plain, placing = tsm(), tsm("heatmap")
    for path, variable in named_variables(plain, trainable_only=True).items():
        np.testing.assert_array_equal(named_variables(placing)[path], variable, err_msg=path)
    added = named_variables(placing).keys() - named_variables(plain).keys()
    assert added == {"place/kernel", "place/bias"}
    assert placing.parameter_roles()["place/kernel"] == "fc_kernel"
    assert TSM.from_config(placing.get_config()).place_kind == "heatmap"

    frames = tf.random.stateless_normal([2, 6, 32, 32, 3], [0, 1])
    placing.place.kernel.assign(tf.random.stateless_normal([64, 1], [0, 2]))
    outputs, pooled = placing(frames), placing.stage_outputs(frames)["pooled"]
    np.testing.assert_allclose(outputs["place"], (pooled @ placing.place.kernel)[..., 0], rtol=1e-5)
    np.testing.assert_allclose(outputs["logits"], plain(frames)["logits"], atol=1e-6)
    assert "place" not in plain(frames)
    with pytest.raises(InputError, match="boundary.place is 'map'"):
        TSM(4, place="map", **SIZES)


@pytest.mark.parametrize("place", ["heatmap", "frames"])
def test_the_map_is_one_more_output_of_both_streams(place):
    action, boundary = tsm(), tsm(place)
    boundary.place.bias.assign([3.0])
    model = TwoStream(action, boundary, lambda frames: tf.cast(frames, tf.float32) / 255)
    frames = np.random.default_rng(0).integers(0, 256, (2, 4, 32, 32, 3), dtype=np.uint8)
    scores = boundary(tf.constant(frames / 255, tf.float32))["place"]
    expected = scores if place == "heatmap" else 1 / (1 + np.exp(-scores))
    np.testing.assert_allclose(model(frames)["place"], expected, atol=1e-5)
    np.testing.assert_allclose(place_map(scores, place), expected, atol=1e-5)
