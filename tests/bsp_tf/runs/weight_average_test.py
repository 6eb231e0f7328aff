import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.runs.weight_average import WeightAverage


@pytest.mark.parametrize("decay", [0.9, 0.3])
def test_equals_a_loop(decay):
    rng = np.random.default_rng(0)
    weight, count = tf.Variable(rng.normal(size=(3, 2)).astype(np.float32)), tf.Variable(7)
    average = WeightAverage({"weight": weight, "count": count}, decay)
    assert list(average.averages) == ["weight"]
    update = tf.function(average.update)
    expected = weight.numpy().astype(np.float64)
    for step in range(1, 30):
        weight.assign(rng.normal(size=(3, 2)))
        update(tf.constant(step, tf.int64))
        d = min(decay, (1 + step) / (10 + step))
        expected = d * expected + (1 - d) * weight.numpy()
    np.testing.assert_allclose(average.averages["weight"], expected, rtol=1e-5, atol=1e-6)


def test_the_weights_come_back_whatever_happens():
    weight = tf.Variable([1.0, 2.0])
    average = WeightAverage({"weight": weight}, 0.5)
    average.averages["weight"].assign([5.0, 6.0])
    with pytest.raises(RuntimeError), average.in_place():
        assert weight.numpy().tolist() == [5.0, 6.0]
        raise RuntimeError
    assert weight.numpy().tolist() == [1.0, 2.0]
    assert average.averages["weight"].numpy().tolist() == [5.0, 6.0]
