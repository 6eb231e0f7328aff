"""Trains a small classifier on extracted features: which action, or none, does a snippet show?

    python examples/finetune_head.py --features=features --annotations=annotations.json

`--features` is a folder of `bsp_tf.extract`, `--annotations` has ActivityNet's form. Trains on the
subset "training" and prints the accuracy on "validation", beside that of always answering the most
frequent class. The encoder stays as it is, so this takes seconds. Needs Keras and NumPy only.
"""

import argparse
import json
from pathlib import Path

import keras
import numpy as np

BACKGROUND = "background"


def label_snippets(about: dict, metadata: dict, annotations: list, classes: list) -> np.ndarray:
    """Class of each snippet, int64 [n]: the action whose segment holds the snippet's middle."""
    half = (metadata["window"] - 1) * metadata["frame_step"] / 2
    seconds = (np.arange(about["num_snippets"]) * metadata["stride"] + half) / about["fps"]
    labels = np.full(len(seconds), classes.index(BACKGROUND))
    for annotation in annotations:
        begin, end = annotation["segment"]
        labels[(begin <= seconds) & (seconds < end)] = classes.index(annotation["label"])
    return labels


def load_subset(folder: Path, database: dict, subset: str, classes: list) -> tuple:
    """All snippets of a subset: float32 [N, C] and int64 [N]."""
    metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    rows, labels = [], []
    for video_id, about in metadata["videos"].items():
        video = database.get(video_id)
        if video and video["subset"] == subset:
            rows.append(np.load(folder / f"{video_id}.npy"))
            labels.append(label_snippets(about, metadata, video["annotations"], classes))
    if not rows:
        raise SystemExit(f"error: no video of subset {subset!r} has features in {folder}")
    return np.concatenate(rows), np.concatenate(labels)


def build_head(features: np.ndarray, num_classes: int) -> keras.Model:
    """Standardizes the features, then one hidden layer."""
    standardize = keras.layers.Normalization()
    standardize.adapt(features)
    layers = [
        keras.layers.Input([features.shape[1]]),
        standardize,
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(num_classes, activation="softmax"),
    ]
    head = keras.Sequential(layers)
    head.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return head


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains a classifier on extracted features.")
    parser.add_argument("--features", required=True, type=Path, help="folder of bsp_tf.extract")
    parser.add_argument("--annotations", required=True, type=Path, help="ActivityNet's JSON")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--output", help="head to write, .keras")
    args = parser.parse_args()

    database = json.loads(args.annotations.read_text(encoding="utf-8"))["database"]
    names = {row["label"] for video in database.values() for row in video["annotations"]}
    classes = [BACKGROUND, *sorted(names)]
    train = load_subset(args.features, database, "training", classes)
    validation = load_subset(args.features, database, "validation", classes)

    keras.utils.set_random_seed(0)
    head = build_head(train[0], len(classes))
    head.fit(*train, batch_size=64, epochs=args.epochs, verbose=0)
    accuracy = head.evaluate(*validation, verbose=0, return_dict=True)["accuracy"]
    frequent = np.bincount(train[1]).argmax()
    chance = (validation[1] == frequent).mean()
    print(f"{len(train[1])} snippets for training, {len(validation[1])} for validation")
    print(f"accuracy {accuracy:.3f}; always {classes[frequent]}: {chance:.3f}")
    if args.output:
        head.save(args.output)


if __name__ == "__main__":
    main()
