"""Accuracy, loss, confusion and the scores of second heads over a finite data set."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.frames import preprocessing
from bsp_tf.models.place_map import place_map
from bsp_tf.pretraining.objective import Objective, has_one_class
from bsp_tf.pretraining.placing import placing_scores
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
        objective: Objective,
    ):
        """Keeps the arguments.

        Args:
            model: Callable (float32 [B, T, H, W, 3], training=False) -> {"logits": [B, K]}, as TSM.
            strategy: Strategy in whose scope the model was made.
            num_classes: K.
            batch_size: Largest batch of this worker's data sets; a multiple of the number of its
                replicas.
            clip_shape: T, S, S, 3.
            objective: Which loss.
        """
        self._clip_shape = tuple(clip_shape)
        self._cluster = Cluster(strategy)
        self._model = model
        self._strategy = strategy
        self._num_classes = num_classes
        self._batch_size = batch_size
        self._objective = objective
        self._step = tf.function(self._evaluate_batch, autograph=False, reduce_retracing=True)

    def __call__(self, dataset: Iterable[dict[str, tf.Tensor]], static: bool = False) -> dict:
        """One pass over `dataset`.

        Args:
            dataset: Batches {"frames": uint8 [b, T, S, S, 3], "label": int32 [b], and what else the
                objective needs}, b at most the batch size. Of several workers each gives its own;
                some may have fewer batches.
            static: The control: the middle frame repeated T times, so that no motion is left to
                see.

        Returns:
            {"accuracy", "loss" (mean), "num_samples", "confusion": int64 array [K, K], rows =
            truth}; "placing" (`placing_scores`) where the model places boundaries; "actions":
            {"accuracy", "num_samples"}, of the samples that show one action, where it names them.

        Raises:
            InputError: the data set is empty.
        """
        confusion = np.zeros([self._num_classes, self._num_classes], np.int64)
        loss, hits, num_of_one_class = 0.0, 0, 0
        maps: list[np.ndarray] = []
        boundaries: list[np.ndarray] = []
        for batch in self._padded(dataset):
            batch = split_batch(batch, self._strategy, self._cluster.replicas_here)
            sums, rows = self._step(batch, tf.constant(static))
            loss += float(sums["loss"])
            confusion += sums["confusion"].numpy()
            if "hits" in sums:
                hits += int(sums["hits"])
                num_of_one_class += int(sums["num_of_one_class"])
            if rows:
                shown = rows["weight"].numpy() > 0
                maps.append(rows["map"].numpy()[shown])
                boundaries.append(rows["boundary"].numpy()[shown])
        num_samples = int(confusion.sum())
        if not num_samples:
            raise InputError(
                "the validation set is empty: check data.validation_dir and its manifest.json."
            )
        result = {
            "accuracy": float(np.trace(confusion)) / num_samples,
            "loss": loss / num_samples,
            "num_samples": num_samples,
            "confusion": confusion,
        }
        if maps:
            result["placing"] = placing_scores(np.concatenate(maps), np.concatenate(boundaries))
        if self._objective.class_weight:
            result["actions"] = {
                "accuracy": hits / num_of_one_class,
                "num_samples": num_of_one_class,
            }
        return result

    def _padded(self, dataset: Iterable[dict[str, tf.Tensor]]) -> Iterator[dict[str, tf.Tensor]]:
        """Full batches while any worker has clips; what is missing are black clips of weight 0."""
        nothing = {
            "frames": tf.zeros([0, *self._clip_shape], tf.uint8),
            "label": tf.zeros([0], tf.int32),
            "boundary": tf.zeros([0]),
            "source_classes": tf.zeros([0, 2], tf.int32),
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
        padded = {
            name: tf.pad(batch[name], [[0, missing]] + [[0, 0]] * (len(batch[name].shape) - 1))
            for name in self._objective.batch_keys
        }
        return padded | {"weight": weight}

    def _evaluate_batch(self, batch: dict, static: tf.Tensor) -> tuple[dict, dict]:
        """Sums of loss, confusion and hits; with a placing head all maps, positions, weights."""
        sums, rows = self._strategy.run(self._evaluate_share, args=(batch, static))
        add = tf.distribute.ReduceOp.SUM
        return (
            {name: self._strategy.reduce(add, value, axis=None) for name, value in sums.items()},
            {name: self._strategy.gather(values, axis=0) for name, values in rows.items()},
        )

    def _evaluate_share(
        self, batch: dict[str, tf.Tensor], static: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        frames = tf.cond(
            static, lambda: preprocessing.repeat_one_frame(batch["frames"]), lambda: batch["frames"]
        )
        outputs = self._model(preprocessing.normalize(frames), training=False)
        losses, weight = self._objective.losses(outputs, batch), batch["weight"]
        whole = tf.cast(weight, tf.int64)
        confusion = tf.math.confusion_matrix(
            batch["label"],
            tf.argmax(outputs["logits"], axis=-1),
            self._num_classes,
            whole,
            tf.int64,
        )
        sums = {"loss": tf.reduce_sum(losses * weight), "confusion": confusion}
        if self._objective.class_weight:
            source_classes = batch["source_classes"]
            named = tf.argmax(outputs["action"], axis=-1, output_type=tf.int32)
            of_one_class = whole * tf.cast(has_one_class(source_classes), tf.int64)
            is_hit = tf.cast(tf.equal(named, source_classes[:, 0]), tf.int64)
            sums["hits"] = tf.reduce_sum(of_one_class * is_hit)
            sums["num_of_one_class"] = tf.reduce_sum(of_one_class)
        place = self._objective.place
        if place == "none":
            return sums, {}
        placed = place_map(outputs["place"], place)
        return sums, {"map": placed, "boundary": batch["boundary"], "weight": weight}


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
    heads = {name: moving[name] for name in ("placing", "actions") if name in moving}
    return {
        "task": task,
        "accuracy": moving["accuracy"],
        "loss": moving["loss"],
        "num_samples": moving["num_samples"],
        "per_class": recall,
        "confusion": confusion.tolist(),
        "labels": list(labels),
        "static_accuracy": static["accuracy"],
        **heads,
    }
