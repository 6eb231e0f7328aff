import numpy as np
import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.frames import preprocessing
from bsp_tf.pretraining.evaluation import Evaluator, summary
from bsp_tf.pretraining.objective import Objective

NUM_CLASSES = 3


def model(frames, training):
    """Logits from the mean brightness of a clip and from its change: a known function instead of a
    network.
    """
    assert not training
    brightness = tf.reduce_mean(frames, axis=[1, 2, 3, 4])
    change = tf.reduce_mean(tf.abs(frames[:, 1:] - frames[:, :-1]), axis=[1, 2, 3, 4])
    return {"logits": tf.stack([-brightness, brightness, 3 * change], axis=1)}


def clips(num_clips, seed=0):
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (num_clips, 4, 6, 6, 3)) * rng.random((num_clips, 1, 1, 1, 1))
    return frames.astype(np.uint8), rng.integers(0, 2, num_clips).astype(np.int32)


@pytest.mark.parametrize("num_clips", [8, 9, 3])
def test_equals_a_loop_over_single_clips_whatever_the_last_batch(num_clips):
    frames, labels = clips(num_clips)
    dataset = tf.data.Dataset.from_tensor_slices({"frames": frames, "label": labels}).batch(4)
    result = Evaluator(
        model, tf.distribute.get_strategy(), NUM_CLASSES, 4, (4, 6, 6, 3), Objective()
    )(dataset)
    confusion, losses = np.zeros((NUM_CLASSES, NUM_CLASSES), int), []
    for clip, label in zip(frames, labels, strict=True):
        logits = (
            model(preprocessing.normalize(clip[np.newaxis]), training=False)["logits"][0]
            .numpy()
            .astype(np.float64)
        )
        losses.append(np.log(np.exp(logits).sum()) - logits[label])
        confusion[label, logits.argmax()] += 1
    np.testing.assert_array_equal(result["confusion"], confusion)
    assert result["num_samples"] == num_clips
    assert result["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert result["accuracy"] == np.trace(confusion) / num_clips


@pytest.mark.parametrize("num_clips", [8, 5])
def test_a_second_head_is_scored_on_samples_of_one_action(num_clips):
    frames, labels = clips(num_clips)
    named = np.array([0, 1, 2, 1, 0, 2, 1, 2])[:num_clips]
    pairs = np.array([[0, 0], [1, 2], [1, 1], [1, 1], [2, 1], [2, 2], [0, 0], [2, 2]])[:num_clips]

    def two_heads(normal, training):
        # Which clip it is can be told by its brightness; padding is black and would be named 0.
        brightness = tf.reduce_mean(normal, axis=[1, 2, 3, 4])
        known = tf.reduce_mean(preprocessing.normalize(frames), axis=[1, 2, 3, 4])
        closest = tf.argmin(tf.abs(brightness[:, None] - known[None]), axis=1)
        answer = tf.one_hot(tf.gather(named, closest), 3)
        return model(normal, training) | {"action": answer}

    batches = {"frames": frames, "label": labels, "source_classes": pairs.astype(np.int32)}
    evaluate = Evaluator(
        two_heads,
        tf.distribute.get_strategy(),
        NUM_CLASSES,
        4,
        (4, 6, 6, 3),
        Objective(class_weight=1.0),
    )
    found = evaluate(tf.data.Dataset.from_tensor_slices(batches).batch(4))
    hits = {8: (4, 6), 5: (2, 3)}[num_clips]
    assert found["actions"] == {"accuracy": hits[0] / hits[1], "num_samples": hits[1]}
    assert summary("boundary", ["a", "b", "c"], found, found)["actions"] == found["actions"]


def test_static_control_sees_no_motion():
    frames, labels = clips(6)
    dataset = tf.data.Dataset.from_tensor_slices({"frames": frames, "label": labels}).batch(4)
    evaluate = Evaluator(
        model, tf.distribute.get_strategy(), NUM_CLASSES, 4, (4, 6, 6, 3), Objective()
    )
    # Class 2 is told by change only: with one frame repeated its logit is 0 and never the largest.
    assert evaluate(dataset)["confusion"][:, 2].sum() > 0
    assert evaluate(dataset, static=True)["confusion"][:, 2].sum() == 0


def test_summary_of_a_class_without_samples():
    confusion = np.array([[3, 1, 0], [0, 0, 0], [1, 0, 1]])
    moving = {"accuracy": 4 / 6, "loss": 0.5, "num_samples": 6, "confusion": confusion}
    result = summary("action", ["a", "b", "c"], moving, {"accuracy": 0.25})
    assert result["per_class"] == {"a": 0.75, "b": None, "c": 0.5}
    assert result["static_accuracy"] == 0.25 and result["confusion"][2] == [1, 0, 1]


def test_an_empty_validation_set_is_an_error():
    with pytest.raises(InputError, match="validation set is empty"):
        Evaluator(model, tf.distribute.get_strategy(), NUM_CLASSES, 4, (4, 6, 6, 3), Objective())(
            []
        )
