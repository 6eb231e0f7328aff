"""Trains a classifier for clips on the two-stream SavedModel, with tensorflow-io and -addons.

    python finetune.py --model=two_stream --train=records/train --validation=records/validation

`--model` is a folder of `bsp_tf.export`, the others are folders of `tfrecords_tools.convert`; each
may lie on S3 (s3://bucket/folder). The encoder stays as it is: it runs once over every clip, and
its features go into an HDF5 file, from which tensorflow-io streams them to the head. Needs the
packages of requirements.txt and nothing of the project that made the files.
"""

import argparse
import ctypes
import json
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa
import tensorflow_io as tfio  # also adds s3:// to TensorFlow's file systems

# tensorflow-io 0.36 aborts a process at its end if it has used s3://, when the C++ objects of the
# AWS library are taken down. Registered last, this runs first and ends the process before.
libc = ctypes.CDLL(None)
libc.on_exit(libc._exit, None)


def parse(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """One serialized clip -> all its JPEG strings [T] and the class index, int64 []."""
    context, lists = tf.io.parse_single_sequence_example(
        record,
        context_features={"clip/label/index": tf.io.FixedLenFeature([], tf.int64)},
        sequence_features={"image/encoded": tf.io.FixedLenSequenceFeature([], tf.string)},
    )
    return lists["image/encoded"], context["clip/label/index"]


def snippets_of(jpegs: tf.Tensor, num_snippets: int, num_frames: int) -> tf.Tensor:
    """Snippets of consecutive frames, evenly spread over the clip: strings [S, F]."""
    last_begin = tf.cast(tf.maximum(tf.size(jpegs) - num_frames, 0), tf.float32)
    begins = tf.cast(tf.linspace(0.0, last_begin, num_snippets), tf.int32)
    places = begins[:, None] + tf.range(num_frames)
    return tf.gather(jpegs, tf.minimum(places, tf.size(jpegs) - 1))  # short clips: the last


def extract(model, records: str, path: Path, num_snippets: int, num_frames: int) -> int:
    """Writes `features` float32 [N, C] and `labels` int64 [N] of a folder's clips; returns N."""
    encode = model.signatures["encoded"]
    shards = tf.data.Dataset.list_files(f"{records}/clips-*", shuffle=False)
    clips = shards.interleave(tf.data.TFRecordDataset, cycle_length=4).map(parse)
    clips = clips.filter(lambda jpegs, label: label >= 0 and tf.size(jpegs) > 0)
    clips = clips.map(lambda jpegs, label: (snippets_of(jpegs, num_snippets, num_frames), label))
    features, labels = [], []
    for snippets, label in clips.prefetch(4):
        features.append(tf.reduce_mean(encode(jpegs=snippets)["features"], axis=0))
        labels.append(label)
    with h5py.File(path, "w") as file:
        file["features"], file["labels"] = np.stack(features), np.stack(labels)
    return len(labels)


def stream(path: Path, num_classes: int) -> tf.data.Dataset:
    """Clip by clip out of the HDF5 file: features float32 [C], label one-hot float32 [K]."""
    features = tfio.IODataset.from_hdf5(str(path), "/features")
    labels = tfio.IODataset.from_hdf5(str(path), "/labels")
    return tf.data.Dataset.zip((features, labels.map(lambda label: tf.one_hot(label, num_classes))))


def build_head(features: tf.data.Dataset, num_classes: int) -> tf.keras.Model:
    """Standardizes the features, then one layer; trained by RAdam with lookahead ("Ranger")."""
    standardize = tf.keras.layers.Normalization()
    standardize.adapt(features)
    layers = [
        tf.keras.layers.Input(features.element_spec.shape[1:]),
        standardize,
        tf.keras.layers.Dropout(0.5),
        tf.keras.layers.Dense(num_classes, activation="softmax"),
    ]
    head = tf.keras.Sequential(layers)
    head.compile(
        tfa.optimizers.Lookahead(tfa.optimizers.RectifiedAdam(1e-2)),
        "categorical_crossentropy",
        metrics=["accuracy", tfa.metrics.F1Score(num_classes, average="macro", name="f1")],
    )
    return head


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains a classifier for clips.")
    parser.add_argument("--model", required=True, help="SavedModel of bsp_tf.export")
    parser.add_argument("--train", required=True, help="folder of records")
    parser.add_argument("--validation", required=True, help="folder of records, the same classes")
    parser.add_argument("--features", type=Path, default=Path("."), help="for the HDF5 files")
    parser.add_argument("--snippets", type=int, default=4, help="per clip; their mean is used")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--output", help="head to write, .keras")
    args = parser.parse_args()

    names = tf.io.gfile.GFile(f"{args.train}/labels.txt").read().splitlines()
    model = tf.saved_model.load(args.model)
    num_frames = json.loads(tf.io.read_file(model.config.asset_path).numpy())["num_frames"]
    files = {subset: args.features / f"{subset}.h5" for subset in ("train", "validation")}
    num_clips = {
        subset: extract(model, getattr(args, subset), path, args.snippets, num_frames)
        for subset, path in files.items()
    }

    tf.keras.utils.set_random_seed(0)
    train, validation = (stream(path, len(names)) for path in files.values())
    head = build_head(train.map(lambda features, _: features).batch(64), len(names))
    batches = train.shuffle(1000).batch(16).prefetch(tf.data.AUTOTUNE)
    head.fit(batches, epochs=args.epochs, verbose=0)
    scores = head.evaluate(validation.batch(64), verbose=0, return_dict=True)
    print(
        f"{num_clips['train']} clips for training, {num_clips['validation']} for validation, "
        f"{len(names)} classes"
    )
    print(f"accuracy {scores['accuracy']:.3f}, mean F1 of the classes {scores['f1']:.3f}")
    if args.output:
        # Without the optimizer and the metric, so that tensorflow-addons is not needed to load it.
        tf.keras.Sequential(head.layers).save(args.output)


if __name__ == "__main__":
    main()
