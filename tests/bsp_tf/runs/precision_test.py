import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.runs.precision import LossScale, dtype_policy


def test_policies():
    assert [dtype_policy(name) for name in ("float32", "bfloat16", "float16")] == [
        "float32",
        "mixed_bfloat16",
        "mixed_float16",
    ]
    with pytest.raises(InputError, match="train.precision.*'half'.*float32, bfloat16, float16"):
        dtype_policy("half")


@pytest.mark.parametrize("traced", [False, True])
def test_scale_grows_after_good_steps_and_halves_at_an_overflow(monkeypatch, traced):
    monkeypatch.setattr(LossScale, "growth_steps", 3)
    monkeypatch.setattr(LossScale, "largest", 2.0**17)
    loss_scale = LossScale()
    update = tf.function(loss_scale.update) if traced else loss_scale.update
    exponents = []
    for finite in (1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1):
        update(tf.constant(bool(finite)))
        exponents.append(float(loss_scale.scale) / 2.0**15)
    assert exponents == [1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 4, 4, 4, 4]
