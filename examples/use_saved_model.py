"""Features of a video with the two-stream SavedModel; needs TensorFlow and NumPy, and no code of
this project.

    mkdir frames && ffmpeg -i video.mp4 -q:v 2 frames/%06d.jpg
    python examples/use_saved_model.py --model=two_stream --frames=frames --output=features.npy

The frames are the JPEG files of a folder, in the order of their names. Every 8 of them are a
snippet (the last one repeats its last frame). Writes float32 [num_snippets, 2C], the action stream
first, and prints what each stream sees.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import tensorflow as tf


def read_lines(asset: tf.saved_model.Asset) -> list[str]:
    """The lines of a text file that is part of the SavedModel."""
    return tf.io.read_file(asset.asset_path).numpy().decode().splitlines()


def make_snippets(jpegs: list[bytes], num_frames: int) -> list[list[bytes]]:
    """Consecutive groups of num_frames; the last frame is repeated to fill the last group."""
    padded = jpegs + jpegs[-1:] * (-len(jpegs) % num_frames)
    return [padded[i : i + num_frames] for i in range(0, len(padded), num_frames)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Features of a video with the SavedModel.")
    parser.add_argument("--model", required=True, help="folder of bsp_tf.export")
    parser.add_argument("--frames", required=True, help="folder of JPEG files, all of one size")
    parser.add_argument("--output", required=True, help=".npy file to write")
    parser.add_argument("--batch_size", type=int, default=16)
    args = parser.parse_args()

    model = tf.saved_model.load(args.model)
    encoded = model.signatures["encoded"]
    actions, boundaries = read_lines(model.action_labels), read_lines(model.boundary_labels)
    config = json.loads("\n".join(read_lines(model.config)))

    files = sorted(Path(args.frames).glob("*.jpg"))
    if not files:
        parser.error(f"no .jpg files in {args.frames}")
    snippets = make_snippets([file.read_bytes() for file in files], config["num_frames"])

    features = []
    for begin in range(0, len(snippets), args.batch_size):
        outputs = encoded(jpegs=tf.constant(snippets[begin : begin + args.batch_size]))
        features.append(outputs["features"].numpy())
        pairs = zip(outputs["action"].numpy(), outputs["boundary"].numpy(), strict=True)
        for i, (action, boundary) in enumerate(pairs, start=begin):
            print(
                f"snippet {i}: {actions[action.argmax()]} ({action.max():.2f}), "
                f"{boundaries[boundary.argmax()]} ({boundary.max():.2f})"
            )
    result = np.concatenate(features)
    np.save(args.output, result)
    print(f"{args.output}: {result.shape[0]} snippets, {result.shape[1]} features each")


if __name__ == "__main__":
    main()
