"""Class scores of videos by models that have not seen them.

The training videos are split into folds, and one model is trained for each fold, on the others. A
training video is scored by the model of its own fold: that of another fold has learned its label,
and scores of training videos would be far better than those of new ones. Every other video gets the
mean of all models: it costs no further training, and on validation videos of the sample data its
mAP over the videos was higher than that of one model of all training videos, with each of 3 seeds.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from bsp_tf.classify_videos.settings import Settings
from bsp_tf.models.video_classifier import VideoClassifier

# PyTorch's Adam, as elsewhere; Keras's own default is 1e-7.
ADAM_EPSILON = 1e-8
SCORED_AT_ONCE = 64


def split_folds(count: int, num_folds: int, seed: int) -> np.ndarray:
    """The fold of each of `count` videos, int64 [count]; sizes differ by 1 at most.

    Labels do not count, so that no video's own label has a say in its scores.
    """
    folds = np.empty(count, np.int64)
    folds[np.random.default_rng(seed).permutation(count)] = np.arange(count) % num_folds
    return folds


def cross_validated_scores(
    features: Sequence[np.ndarray], shown: np.ndarray, training: np.ndarray, settings: Settings
) -> np.ndarray:
    """Class scores of all videos, float64 [N, K], each row a distribution.

    Args:
        features: N arrays float32 [S, C].
        shown: bool [N, K], which classes a video shows.
        training: int64 [n], numbers of the training videos, each of which shows a class.
        settings: Settings; at most n folds.
    """
    others = np.setdiff1d(np.arange(len(features)), training)
    folds = split_folds(len(training), settings.num_folds, settings.seed)
    scores = np.zeros(shown.shape)
    sums = _channel_sums(features)
    kept = [training[folds != fold] for fold in range(settings.num_folds)]
    updates = [_num_updates(len(rows), settings) for rows in kept]
    with tqdm(total=sum(updates), desc="classifier", unit="update") as progress:
        for fold, rows in enumerate(kept):
            held_out = training[folds == fold]
            # Each fold has its own first weights.
            keras.utils.set_random_seed(
                int(np.random.SeedSequence([settings.seed, fold]).generate_state(1)[0])
            )
            mean, deviation = _channel_spread(sums, rows, len(features[0]))
            model = VideoClassifier(
                shown.shape[1],
                mean,
                deviation,
                settings.hidden_width,
                settings.attention_width,
                settings.dropout,
            )
            _train(model, features, shown, rows, settings, progress.update)
            scores[held_out] = _predict(model, features, held_out)
            scores[others] += _predict(model, features, others) / settings.num_folds
    return scores


def _num_updates(count: int, settings: Settings) -> int:
    per_epoch = -(-count // settings.batch_size)
    return max(settings.fewest_updates, settings.epochs * per_epoch)


def _train(
    model: VideoClassifier,
    features: Sequence[np.ndarray],
    shown: np.ndarray,
    rows: np.ndarray,
    settings: Settings,
    after_update: Callable[[], object],
) -> None:
    """Softmax cross-entropy; the classes of a video share its target evenly."""
    updates = _num_updates(len(rows), settings)
    rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, updates)
    optimizer = keras.optimizers.Adam(rate, epsilon=ADAM_EPSILON)
    model(features[0][np.newaxis])
    variables = model.trainable_variables
    optimizer.build(variables)
    shares = (shown / np.maximum(shown.sum(axis=1, keepdims=True), 1)).astype(np.float32)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, *features[0].shape], tf.float32),
            tf.TensorSpec([None, shares.shape[1]], tf.float32),
        ],
        autograph=False,
    )
    def update(batch: tf.Tensor, targets: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            logits = model(batch, training=True)
            losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_mean(losses)
        gradients = [
            gradient + settings.weight_decay * variable
            for gradient, variable in zip(tape.gradient(loss, variables), variables, strict=True)
        ]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    order = np.random.default_rng(settings.seed)
    waiting = rows[:0]
    for _ in range(updates):
        while len(waiting) < settings.batch_size:
            waiting = np.concatenate([waiting, order.permutation(rows)])
        batch, waiting = np.split(waiting, [settings.batch_size])
        update(np.stack([features[row] for row in batch]), shares[batch])
        after_update()


def _predict(
    model: VideoClassifier, features: Sequence[np.ndarray], rows: np.ndarray
) -> np.ndarray:
    """Softmax of the logits, float64 [n, K]."""
    found = [np.zeros((0, model.evidence.units))]
    for begin in range(0, len(rows), SCORED_AT_ONCE):
        batch = np.stack([features[row] for row in rows[begin : begin + SCORED_AT_ONCE]])
        found.append(tf.nn.softmax(model(batch)).numpy().astype(np.float64))
    return np.concatenate(found)


def _channel_sums(features: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Sums over the steps of each video, of the values and of their squares: float64 [N, C]."""
    values = np.stack([video.sum(axis=0, dtype=np.float64) for video in features])
    squares = np.stack([np.square(video, dtype=np.float64).sum(axis=0) for video in features])
    return values, squares


def _channel_spread(
    sums: tuple[np.ndarray, np.ndarray], rows: np.ndarray, num_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel in some videos, float64 [C]."""
    mean, square = (values[rows].mean(axis=0) / num_steps for values in sums)
    return mean, np.sqrt(np.maximum(square - mean**2, 0))
