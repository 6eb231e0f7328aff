"""A trained model's answers to all views of clips, and to boundary samples, on one device."""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from bsp_tf.base.array_file import read_npz
from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.clips.batches import read_batches
from bsp_tf.clips.source import ClipSource
from bsp_tf.clips.view_batches import boundary_batches, view_batches
from bsp_tf.evaluation import boundary_accuracy, clip_accuracy
from bsp_tf.frames import preprocessing
from bsp_tf.models.tsm import TSM
from bsp_tf.synthesis.boundary_types import RANDOM_TRANSITION, TRANSITIONS
from bsp_tf.synthesis.settings import Settings

SAVE_EVERY_SECONDS = 60.0


def predictor(model: TSM) -> Callable[[tf.Tensor], np.ndarray]:
    """A function from frames uint8 [B, T, H, W, 3] to logits float32 [B, K], compiled per shape."""

    @tf.function(autograph=False, reduce_retracing=True)
    def predict(frames: tf.Tensor) -> tf.Tensor:
        return model(preprocessing.normalize(frames), training=False)["logits"]

    return lambda frames: predict(frames).numpy()


class Views(NamedTuple):
    """Which views of a clip, how many per step; see `view_batches`."""

    num_clips: int
    num_crops: int
    full_resolution: bool
    batch_size: int

    def describe(self, data) -> str:
        """The views in words, with the sizes of a config's `data`: "1 clip x 3 crops of 256 px"."""
        clips = "1 clip" if self.num_clips == 1 else f"{self.num_clips} clips"
        if self.num_crops == 1:
            return f"{clips} x centre crop of {data.crop_size} px"
        side = data.short_side if self.full_resolution else data.crop_size
        return f"{clips} x {self.num_crops} crops of {side} px"


def evaluate_views(
    model: TSM,
    source: ClipSource,
    data,
    labels: list[str],
    views: Sequence[Views],
    progress: Sequence[Path],
) -> dict[str, dict[str, Any]]:
    """Scores of the actions, by the description of the views.

    Args:
        model: Trained on the action task.
        source, data: See `view_batches`.
        labels: Class names.
        views: Each is an evaluation of its own.
        progress: A file for each; see `sum_view_logits`.

    Raises:
        InputError: as `sum_view_logits`.
    """
    predict = predictor(model)
    results = {}
    for several, path in zip(views, progress, strict=True):
        sums, truth = sum_view_logits(predict, source, data, several, len(labels), path)
        results[several.describe(data)] = clip_accuracy.summarize(sums, truth, labels)
    return results


def evaluate_boundaries(model: TSM, config, batch_size: int) -> dict[str, dict[str, Any]]:
    """Scores of the boundary samples, by the rule of blending; changes `config`.

    Rules that do not fit the run's positions are left out.

    Args:
        model: Trained on the boundary task.
        config: Of the run; see `boundary_batches`.
        batch_size: Samples per step, as many whole quads as it holds; at least one.

    Raises:
        InputError: as `boundary_batches`, or the run's own rule does not fit.
    """
    predict, results = predictor(model), {}
    trained_with, types = config.boundary.transition, Settings.from_config(config).types
    for rule in TRANSITIONS:
        if rule == RANDOM_TRANSITION != trained_with:
            continue  # a mixture of what the other rules show
        config.boundary.transition = rule
        try:
            Settings.from_config(config)
        except InputError as error:
            if rule == trained_with:
                raise
            print(f"left out: samples with boundary.transition={rule!r}, because {error}")
            continue
        title, quads = TRANSITIONS[rule].description, batch_size // len(types)
        answers = predict_boundaries(predict, config, config.seed, quads, title)
        found = boundary_accuracy.BoundarySamples(**answers)
        results[rule] = {
            **boundary_accuracy.summarize(found, types),
            "told_by": boundary_accuracy.blend_or_class(found, types),
        }
    return results


def sum_view_logits(
    predict: Callable[[tf.Tensor], np.ndarray],
    source: ClipSource,
    data,
    views: Views,
    num_classes: int,
    progress: Path,
) -> tuple[np.ndarray, np.ndarray]:
    """The logits of every labelled clip, summed over its views.

    TSM takes the mean, which gives the same order of classes.

    Args:
        predict: See `predictor`.
        source, data: See `view_batches`.
        views: What is looked at.
        num_classes: K.
        progress: File of what is done so far, written once a minute; its name must belong to this
            model and these arguments. A killed run goes on from it and ends with the same numbers.
    Returns:
        float64 [n, K] and labels int64 [n].
    Raises:
        InputError: as `view_batches`, or a damaged record.
    """
    num_views, batch_size = views.num_clips * views.num_crops, views.batch_size
    done = _read_progress(progress)
    first = len(done["labels"]) if done else 0
    dataset, total = view_batches(
        source, data, views.num_clips, views.num_crops, batch_size, views.full_resolution, first
    )
    sums, labels = np.zeros([total, num_classes]), np.zeros([total], np.int64)
    if done:
        sums[:first], labels[:first] = done["sums"], done["labels"]
    # Continuing only where a batch began makes the batches, and so the last digits, those of an
    # undisturbed run.
    step = batch_size // math.gcd(batch_size, num_views)
    seen, saved = first * num_views, time.monotonic()
    with tqdm(
        total=total * num_views, initial=seen, unit="view", desc=f"{num_views} view(s) a clip"
    ) as bar:
        for batch in read_batches(iter(dataset), str(source.path)):
            logits, clip = predict(batch["frames"]), batch["clip"].numpy()
            np.add.at(sums, clip, logits.astype(np.float64))
            labels[clip] = batch["label"].numpy()
            seen += len(clip)
            bar.update(len(clip))
            if time.monotonic() - saved > SAVE_EVERY_SECONDS:
                finished = seen // num_views // step * step
                with atomic_write(progress) as file:
                    np.savez(file, sums=sums[:finished], labels=labels[:finished])
                saved = time.monotonic()
    return sums, labels


def predict_boundaries(
    predict: Callable[[tf.Tensor], np.ndarray], config, seed: int, quads_per_batch: int, title: str
) -> dict[str, np.ndarray]:
    """The types that a model answers for one pass of boundary samples, and what was shown.

    Args:
        predict: See `predictor`.
        config: With the folder in data.validation_dir; see `boundary_batches`.
        title: What the progress bar says.
    Returns:
        "predicted" int64 [n], and "label", "boundary", "strides", "transition_length" of
        `pipelines.dataset_for`.
    """
    dataset, total = boundary_batches(config, seed, quads_per_batch)
    names = ("label", "boundary", "strides", "transition_length")
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("predicted", *names)}
    with tqdm(total=total, unit="sample", desc=title) as bar:
        for batch in read_batches(iter(dataset), config.data.validation_dir):
            found["predicted"].append(predict(batch["frames"]).argmax(axis=1))
            for name in names:
                found[name].append(batch[name].numpy())
            bar.update(len(found["predicted"][-1]))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _read_progress(path: Path) -> dict[str, np.ndarray] | None:
    try:
        content = read_npz(path)
    except InputError:
        return None
    return content if content.keys() == {"sums", "labels"} else None
