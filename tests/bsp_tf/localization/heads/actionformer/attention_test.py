"""Attention in blocks against attention with a mask over all pairs."""

import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.localization.heads.actionformer.attention import full_attention, window_attention


def with_a_mask(query, key, value, inside, reach):
    """float64 [B, T, heads, C]: every pair of positions, those too far away hidden."""
    scores = np.einsum("bqhc,bkhc->bhqk", query, key)
    places = np.arange(query.shape[1])
    seen = (np.abs(places[:, None] - places) <= reach) & (inside[:, None, None, :, 0] > 0)
    weights = np.where(seen, np.exp(scores), 0)
    total = np.maximum(weights.sum(-1, keepdims=True), 1e-30)
    return np.einsum("bhqk,bkhc->bqhc", weights / total, value)


@pytest.mark.parametrize("length", [5, 32, 33, 90])
@pytest.mark.parametrize("reach", [1, 3, 9, 30])
def test_blocks_are_a_band(length, reach):
    rng = np.random.default_rng(length)
    query, key, value = rng.standard_normal((3, 2, length, 2, 4)).astype(np.float32)
    inside = (np.arange(length) < [[length], [length // 2]]).astype(np.float32)[..., np.newaxis]
    found = window_attention(query, key, value, inside, reach)
    expected = with_a_mask(query, key, value, inside, reach)
    assert np.isfinite(found).all()
    shown = inside[..., np.newaxis]
    np.testing.assert_allclose(found * shown, expected * shown, atol=2e-6)
    everywhere = full_attention(*map(tf.constant, (query, key, value, inside)))
    expected = with_a_mask(query, key, value, inside, length)
    np.testing.assert_allclose(everywhere, expected, atol=2e-6)


def test_gradient_of_what_is_hidden_is_zero():
    values = tf.random.stateless_normal([3, 1, 40, 2, 4], [0, 0])
    inside = tf.reshape(tf.cast(tf.range(40) < 20, tf.float32), [1, 40, 1])
    with tf.GradientTape() as tape:
        tape.watch(values)
        mixed = window_attention(*tf.unstack(values), inside, 4)
        loss = tf.reduce_sum(mixed[:, :20] ** 2)
    gradient = tape.gradient(loss, values).numpy()
    assert np.all(gradient[1:, :, 20:] == 0) and np.any(gradient[1:, :, :20] != 0)
