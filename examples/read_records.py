"""Reads record shards into training batches with plain TensorFlow, without this project.

    python examples/read_records.py --records=records/train

`--records` is a folder of `tfrecords_tools.convert`. Prints the shape and the class names of a few
batches: uint8 frames [B, T, size, size, 3], T consecutive frames from a random place of each clip.
"""

import argparse
from pathlib import Path

import tensorflow as tf


def parse(record: tf.Tensor, num_frames: int) -> tuple[tf.Tensor, tf.Tensor]:
    """One serialized clip -> JPEG strings [num_frames] and the class index, int64 [].

    Only the strings that will be seen go on: decoding is what costs time.
    """
    context, lists = tf.io.parse_single_sequence_example(
        record,
        context_features={"clip/label/index": tf.io.FixedLenFeature([], tf.int64)},
        sequence_features={"image/encoded": tf.io.FixedLenSequenceFeature([], tf.string)},
    )
    jpegs = lists["image/encoded"]
    begin = tf.random.uniform([], 0, tf.maximum(tf.size(jpegs) - num_frames, 0) + 1, tf.int32)
    places = tf.minimum(begin + tf.range(num_frames), tf.size(jpegs) - 1)  # short clips: the last
    return tf.gather(jpegs, places), context["clip/label/index"]


def decode(jpegs: tf.Tensor, size: int) -> tf.Tensor:
    """JPEG strings [T] -> uint8 [T, size, size, 3]: the largest square in the middle, resized."""
    frames = tf.map_fn(
        lambda jpeg: tf.io.decode_jpeg(jpeg, channels=3), jpegs, fn_output_signature=tf.uint8
    )
    height, width = tf.shape(frames)[1], tf.shape(frames)[2]
    side = tf.minimum(height, width)
    frames = tf.image.crop_to_bounding_box(
        frames, (height - side) // 2, (width - side) // 2, side, side
    )
    return tf.cast(tf.image.resize(frames, [size, size], antialias=True), tf.uint8)


def batches(records: str, batch_size: int, num_frames: int, size: int) -> tf.data.Dataset:
    """Shuffled batches without end: uint8 [B, T, size, size, 3] and int64 [B]."""
    shards = tf.data.Dataset.list_files(f"{records}/clips-*", shuffle=True)
    clips = shards.interleave(tf.data.TFRecordDataset, cycle_length=4, deterministic=False)
    samples = clips.map(lambda record: parse(record, num_frames)).shuffle(200).repeat()
    samples = samples.map(
        lambda jpegs, label: (decode(jpegs, size), label), num_parallel_calls=tf.data.AUTOTUNE
    )
    return samples.batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def main() -> None:
    parser = argparse.ArgumentParser(description="Reads record shards with plain TensorFlow.")
    parser.add_argument("--records", required=True, help="folder of tfrecords_tools.convert")
    parser.add_argument("--batch_size", type=int, default=4)
    parser.add_argument("--num_frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=112, help="side of the frames, pixels")
    parser.add_argument("--num_batches", type=int, default=3)
    args = parser.parse_args()

    names = Path(args.records, "labels.txt").read_text(encoding="utf-8").splitlines()
    dataset = batches(args.records, args.batch_size, args.num_frames, args.size)
    for frames, labels in dataset.take(args.num_batches):
        print(frames.shape, frames.dtype.name, [names[label] for label in labels.numpy()])


if __name__ == "__main__":
    main()
