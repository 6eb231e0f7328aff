"""Trains a classifier of whole videos on features; writes class scores.

    python -m bsp_tf.classify_videos --features=features --annotations=annotations.json \\
        --output=class_scores.json
    python -m bsp_tf.detect --workdir=gtad --features=features --annotations=annotations.json \\
        --class_scores=class_scores.json --output=detections.json

For features whose model does not know the classes of the annotations, or knows them less well.
Features and annotations may have any form that bsp_tf.train_head takes; of arrays of other tools
nobody has to say what a row is. Every class of the annotations is a class. Videos are pooled to 64
steps, and each class pays attention to its own steps. It learns from the training videos that show
a class; of segments only the labels count.

No video is scored by a model that has seen it: the training videos are split into folds, and each
fold is scored by a model that was trained on the others. All other videos of the annotations get
the mean of these models. Scores are a softmax, as those of the action stream and the public ones of
ActivityNet: in training, the classes of a video share its target evenly.

    --folds=5                 models, and parts of the training videos
    --train_subset=training   subset of the annotations to learn from
    --streams=action          parts of folders of bsp_tf.extract (default: all that they have)
    --seed=0                  on one machine's CPU, the same seed gives the same file

Prints top-1, top-5 and mAP of the training videos and of each other subset with labels. The output
holds {"class", "results": {id: [scores]}, "external_data": settings, accuracy, left_out}. Videos
without usable features are left out, counted and listed there. A killed run leaves no output; a
finished output of the same settings and inputs is reused.
"""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import flags

from bsp_tf.annotations.mended import choose_subset, load_annotations
from bsp_tf.annotations.reader import annotation_files
from bsp_tf.base.atomic_file import atomic_write, remove_leftovers
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import without_secrets
from bsp_tf.base.output_files import check_output_files
from bsp_tf.base.output_lock import lock_output_file
from bsp_tf.base.remote_path import given_path
from bsp_tf.base.servers.local_copy import local_copies
from bsp_tf.base.settings import digest_files, digest_fingerprints, finished_output
from bsp_tf.classify_videos.accuracy import accuracy_table, video_accuracy
from bsp_tf.classify_videos.settings import Settings
from bsp_tf.classify_videos.video_steps import (
    VideoSteps,
    check_training,
    load_steps,
    open_steps,
)
from bsp_tf.features.sources import feature_files, features_digest
from bsp_tf.localization.detection import some_reasons

FLAGS = flags.FLAGS
# Of a score: the models are not exact beyond.
DIGITS = 6


def classify_videos(
    features: str,
    annotations: str,
    output: str,
    train_subset: str = "training",
    streams: Sequence[str] | None = None,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Trains, scores all annotated videos and writes `output`; a finished one is reused.

    Args:
        features, annotations, output, train_subset: The flags.
        streams: Parts of folders of bsp_tf.extract; None: all.
        settings: Of the models.

    Returns:
        "external_data" of the output: {"settings", "inputs", "accuracy": {subset: see
        `video_accuracy`}, "left_out": {video: reason}}.

    Raises:
        InputError: an input is missing or malformed, too few training videos can be used, or
            `output` was made with other settings.
    """
    settings = settings or Settings()
    check_output_files(annotation_files(annotations), {"output": output})
    chosen = {
        "features": features,
        "annotations": without_secrets(annotations),
        "train_subset": train_subset,
        "streams": list(streams) if streams else None,
        **dataclasses.asdict(settings),
    }
    with local_copies(features) as copies, lock_output_file(given_path(output)):
        (here,) = copies.names
        inputs = {
            "annotations": digest_files(annotation_files(annotations)),
            "features": features_digest(here),
            "feature_files": digest_fingerprints(feature_files(here)),
        }
        finished = finished_output(output, chosen, inputs)
        if finished is not None:
            print(f"{output}: already done")
            return finished["external_data"]
        videos, class_names, scores = _score(here, annotations, train_subset, streams, settings)
        left_out = {name: copies.as_given(reason) for name, reason in videos.left_out.items()}
        about = {
            "settings": chosen,
            "inputs": inputs,
            "accuracy": _accuracies(videos, scores),
            "left_out": left_out,
        }
        _write(output, class_names, videos.video_ids, scores, about)
    return about


def _score(
    features: str,
    annotations: str,
    train_subset: str,
    streams: Sequence[str] | None,
    settings: Settings,
) -> tuple[VideoSteps, list[str], np.ndarray]:
    """The usable videos, the class names, and scores [N, K]."""
    everything = load_annotations(annotations)
    choose_subset(everything, train_subset, annotations)
    for line in everything.warnings():
        print(f"{annotations}: {line}")
    class_names = sorted({label for video in everything.values() for label in video.labels})
    sources = open_steps(features, streams)
    videos = load_steps(sources, everything, class_names, settings.num_steps)
    if videos.left_out:
        print(
            f"{len(videos.left_out)} of {len(everything)} videos left out: "
            f"{some_reasons(videos.left_out)}"
        )
    training = check_training(videos, train_subset, settings.num_folds, annotations)
    unseen = [
        name
        for name, learned in zip(class_names, videos.shown[training].any(axis=0), strict=True)
        if not learned
    ]
    if unseen:
        print(f"without a training video, so never found: {', '.join(unseen)}")
    # TensorFlow takes seconds to start: what is wrong with the inputs has been said.
    from bsp_tf.classify_videos.cross_validation import cross_validated_scores

    scores = cross_validated_scores(videos.features, videos.shown, training, settings)
    return videos, class_names, scores


def _accuracies(videos: VideoSteps, scores: np.ndarray) -> dict[str, dict[str, int | float]]:
    found = {}
    for subset in sorted(set(videos.subsets)):
        rows = videos.of_subset(subset)
        if len(rows):
            found[subset] = video_accuracy(scores[rows], videos.shown[rows])
    return found


def _write(
    path: str | os.PathLike,
    class_names: Sequence[str],
    video_ids: Sequence[str],
    scores: np.ndarray,
    about: Mapping[str, Any],
) -> None:
    """A line for each video."""
    rows = [
        f"{json.dumps(name)}: {json.dumps([float(f'{score:.{DIGITS}g}') for score in row])}"
        for name, row in zip(video_ids, scores, strict=True)
    ]
    remove_leftovers(path)
    with atomic_write(path, "w") as file:
        file.write(f'{{"class": {json.dumps(class_names, ensure_ascii=False)}, "results": {{\n')
        file.write(",\n".join(rows))
        file.write(f'\n}}, "external_data": {json.dumps(about, ensure_ascii=False)}}}\n')


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string(
        "features", None, "Features, in any form that bsp_tf.train_head takes.", required=True
    )
    flags.DEFINE_string(
        "annotations", None, "Annotations JSON (and CSV, with a comma).", required=True
    )
    flags.DEFINE_string("output", None, "Class scores JSON to write.", required=True)
    flags.DEFINE_string("train_subset", "training", "Subset of the annotations to learn from.")
    flags.DEFINE_list("streams", None, "Parts of folders of bsp_tf.extract (default: all).")
    flags.DEFINE_integer("folds", Settings.num_folds, "Models, and parts of the training videos.")
    flags.DEFINE_integer("seed", Settings.seed, "Of all random choices.", lower_bound=0)


def main(argv: Sequence[str]) -> None:
    """Runs the command with the parsed flags."""
    del argv
    settings = Settings(num_folds=FLAGS.folds, seed=FLAGS.seed)
    about = classify_videos(
        FLAGS.features,
        FLAGS.annotations,
        FLAGS.output,
        FLAGS.train_subset,
        FLAGS.streams,
        settings,
    )
    train_name = f"{FLAGS.train_subset}, cross-validated"
    print(
        accuracy_table(
            {
                train_name if name == FLAGS.train_subset else name: numbers
                for name, numbers in about["accuracy"].items()
            }
        )
    )
    print(f"{FLAGS.output}: class scores")


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
