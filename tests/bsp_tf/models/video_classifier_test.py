"""Attention pooling: a class is found where it shows, however long the rest is."""

import keras
import numpy as np

from bsp_tf.base.stack import named_variables
from bsp_tf.models.video_classifier import VideoClassifier


def build(mean=0.0, deviation=1.0, **sizes) -> VideoClassifier:
    keras.utils.set_random_seed(0)
    model = VideoClassifier(3, np.full(4, mean), np.full(4, deviation), **sizes)
    model(np.zeros((1, 5, 4), np.float32))
    return model


def some_features(seed=0, steps=5):
    return np.random.default_rng(seed).standard_normal((2, steps, 4)).astype(np.float32)


def test_logits_are_evidence_weighted_by_attention():
    model, features = build(hidden_width=8, attention_width=6), some_features()
    w = {name: value.numpy() for name, value in named_variables(model, trainable_only=True).items()}

    def dense(inputs, name):
        return inputs @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    hidden = np.maximum(dense(features, "hidden"), 0)
    weights = np.exp(dense(np.tanh(dense(hidden, "attention_hidden")), "attention"))
    weights /= weights.sum(axis=1, keepdims=True)
    expected = (weights * dense(hidden, "evidence")).sum(axis=1)
    np.testing.assert_allclose(model(features), expected, atol=1e-5)


def test_the_order_of_the_steps_does_not_count():
    model, features = build(), some_features()
    np.testing.assert_allclose(model(features[:, ::-1]), model(features), atol=1e-6)


def test_channels_are_normalised():
    features = some_features()
    np.testing.assert_allclose(build(5, 3)(features * 3 + 5), build()(features), atol=1e-5)


def test_channels_that_do_not_vary_do_no_harm():
    model = build(7.0, 0.0)
    assert np.isfinite(model(some_features())).all()
    np.testing.assert_allclose(model(np.full((1, 5, 4), 7.0, np.float32)), [[0, 0, 0]], atol=1e-6)


def test_dropout_only_in_training():
    model, features = build(), some_features()
    np.testing.assert_array_equal(model(features), model(features))
    assert np.abs(model(features, training=True) - model(features, training=True)).max() > 0
