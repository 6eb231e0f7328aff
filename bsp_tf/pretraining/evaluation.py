"""Accuracy, loss and confusion of a model over a finite data set, under any strategy."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.frames import preprocessing
from bsp_tf.runs.cluster import Cluster
from bsp_tf.runs.strategy import split_batch


class Evaluator:
    """Evaluates one model; the graph is traced once, whatever the size of the last batch."""

    def __init__(
        self,
        model,
        strategy: tf.distribute.Strategy,
        num_classes: int,
        batch_size: int,
        clip_shape: Sequence[int],
    ):
        """Keeps the arguments.

        Args:
            model: Callable (float32 [B, T, H, W, 3], training=False) -> {"logits": [B, K]}.
            strategy: Strategy in whose scope the model was made.
            num_classes: K.
            batch_size: Largest batch of this worker's data sets; a multiple of the number of its
                replicas.
            clip_shape: T, S, S, 3.
        """
        self._clip_shape = tuple(clip_shape)
        self._cluster = Cluster(strategy)
        self._model = model
        self._strategy = strategy
        self._num_classes = num_classes
        self._batch_size = batch_size
        self._step = tf.function(self._evaluate_batch, autograph=False, reduce_retracing=True)

    def __call__(self, dataset: Iterable[dict[str, tf.Tensor]], static: bool = False) -> dict:
        """One pass over `dataset`.

        Args:
            dataset: Batches {"frames": uint8 [b, T, S, S, 3], "label": int32 [b]}, b at most the
                batch size. Of several workers each gives its own; some may have fewer batches.
            static: The control: the middle frame repeated T times, so that no motion is left to
                see.

        Returns:
            {"accuracy", "loss" (mean cross-entropy), "num_samples", "confusion": int64 array [K,
            K], rows = truth}.

        Raises:
            InputError: the data set is empty.
        """
        confusion = np.zeros([self._num_classes, self._num_classes], np.int64)
        loss = 0.0
        for batch in self._padded(dataset):
            batch = split_batch(batch, self._strategy, self._cluster.replicas_here)
            batch_loss, batch_confusion = self._step(batch, tf.constant(static))
            loss += float(batch_loss)
            confusion += batch_confusion.numpy()
        num_samples = int(confusion.sum())
        if not num_samples:
            raise InputError(
                "the validation set is empty: check data.validation_dir and its manifest.json."
            )
        return {
            "accuracy": float(np.trace(confusion)) / num_samples,
            "loss": loss / num_samples,
            "num_samples": num_samples,
            "confusion": confusion,
        }

    def _padded(self, dataset: Iterable[dict[str, tf.Tensor]]) -> Iterator[dict[str, tf.Tensor]]:
        """Full batches while any worker has clips; what is missing are black clips of weight 0."""
        nothing = {
            "frames": tf.zeros([0, *self._clip_shape], tf.uint8),
            "label": tf.zeros([0], tf.int32),
        }
        batches = iter(dataset)
        batch = next(batches, None)
        while self._cluster.any(batch is not None):
            yield self._pad(nothing if batch is None else batch)
            batch = next(batches, None)

    def _pad(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Fills a batch up with samples of weight 0, so that it splits over the replicas."""
        size = int(batch["label"].shape[0])
        missing = self._batch_size - size
        weight = tf.concat([tf.ones([size]), tf.zeros([missing])], axis=0)
        return {
            "frames": tf.pad(batch["frames"], [[0, missing], [0, 0], [0, 0], [0, 0], [0, 0]]),
            "label": tf.pad(batch["label"], [[0, missing]]),
            "weight": weight,
        }

    def _evaluate_batch(self, batch: dict, static: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        loss, confusion = self._strategy.run(self._evaluate_share, args=(batch, static))
        add = tf.distribute.ReduceOp.SUM
        return self._strategy.reduce(add, loss, axis=None), self._strategy.reduce(
            add, confusion, axis=None
        )

    def _evaluate_share(
        self, batch: dict[str, tf.Tensor], static: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        frames = tf.cond(
            static, lambda: preprocessing.repeat_one_frame(batch["frames"]), lambda: batch["frames"]
        )
        logits = self._model(preprocessing.normalize(frames), training=False)["logits"]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["label"], logits)
        confusion = tf.math.confusion_matrix(
            batch["label"],
            tf.argmax(logits, axis=-1),
            self._num_classes,
            tf.cast(batch["weight"], tf.int64),
            tf.int64,
        )
        return tf.reduce_sum(losses * batch["weight"]), confusion


def summary(task: str, labels: Sequence[str], moving: dict, static: dict) -> dict:
    """The contents of evaluation.json, but for the fields that only the trainer knows.

    Args:
        task: "action" or "boundary".
        labels: Class names.
        moving, static: Results of an Evaluator without and with `static`.
    """
    confusion = moving["confusion"]
    totals = confusion.sum(axis=1)
    # A class without a validation sample has no recall; 0 would read as a failure.
    recall = {
        label: (float(confusion[i, i]) / int(totals[i]) if totals[i] else None)
        for i, label in enumerate(labels)
    }
    return {
        "task": task,
        "accuracy": moving["accuracy"],
        "loss": moving["loss"],
        "num_samples": moving["num_samples"],
        "per_class": recall,
        "confusion": confusion.tolist(),
        "labels": list(labels),
        "static_accuracy": static["accuracy"],
    }
