"""What `bsp_tf.export` saves: the streams behind their signatures, and the check of the result."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from bsp_tf.frames import decoding
from bsp_tf.models.snippet_model import stream_answers
from bsp_tf.models.two_stream import TwoStream

# By how the saved model computes, relative to the largest value: its graph fuses operations, which
# moves the last digits. A bfloat16 has less than three; what a network makes of that is printed.
SELF_CHECK_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.25}


class Servable(tf.Module):
    """What is saved: the signatures and the assets; variables come along with the model."""

    def __init__(self, model: TwoStream, labels: Mapping[str, Path], config: Path):
        """`labels`: the label file of each classifier."""
        super().__init__(name="servable")
        self.model = model
        for stream, path in labels.items():
            setattr(self, f"{stream}_labels", tf.saved_model.Asset(str(path)))
        self.config = tf.saved_model.Asset(str(config))

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, None, 3], tf.uint8, name="frames")],
        autograph=False,
    )
    def __call__(self, frames: tf.Tensor) -> dict[str, tf.Tensor]:
        return self.model(frames)

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.string, name="jpegs")], autograph=False
    )
    def encoded(self, jpegs: tf.Tensor) -> dict[str, tf.Tensor]:
        frames = decoding.decode_jpegs(tf.reshape(jpegs, [-1]))
        return self.model(
            tf.reshape(frames, tf.concat([tf.shape(jpegs), tf.shape(frames)[1:]], axis=0))
        )


def save_model(servable: Servable, folder: Path) -> None:
    """Writes a SavedModel into an empty folder; with "stream" only where the model is `online`."""
    signatures = {"serving_default": servable.__call__, "encoded": servable.encoded}
    if servable.model.online:
        signatures["stream"] = _stream_signature(servable.model)
    tf.saved_model.save(servable, str(folder), signatures=signatures)


def _stream_signature(model: TwoStream) -> Any:
    """`TwoStream.step` for given tensors; the sizes of the state are those after preprocessing."""
    outputs = model.step(tf.zeros([1, 64, 64, 3], tf.uint8), {})
    state = {
        name: tf.TensorSpec([None, *values.shape[1:]], values.dtype, name=name)
        for name, values in outputs.items()
        if name.startswith("state_")
    }
    frames = tf.TensorSpec([None, None, None, 3], tf.uint8, name="frames")
    step = tf.function(lambda frames, **state: model.step(frames, state), autograph=False)
    return step.get_concrete_function(frames, **state)


def check_saved(
    two_stream: TwoStream, folder: Path, num_frames: int, dtype: str = "float32"
) -> None:
    """Compares the reloaded model with the one in memory on random frames.

    Args:
        two_stream: In float32.
        folder: Of the SavedModel.
        num_frames: Of a snippet.
        dtype: In which the saved one computes.

    Raises:
        RuntimeError: their numbers differ.
    """
    frames = np.random.default_rng(0).integers(0, 256, (2, num_frames, 72, 96, 3), dtype=np.uint8)
    expected = two_stream(tf.constant(frames))
    signatures = tf.saved_model.load(str(folder)).signatures
    actual = dict(signatures["serving_default"](tf.constant(frames)))
    if two_stream.online:
        steps = stream_answers(signatures["stream"], np.moveaxis(frames, 1, 0))
        stream = [outputs["features"] for outputs in steps]
        actual["stream"] = tf.reduce_mean(tf.stack(stream), axis=0)
        expected["stream"] = expected["features"]
    for name, values in expected.items():
        difference = float(tf.reduce_max(tf.abs(actual[name] - values)))
        largest = float(tf.reduce_max(tf.abs(values)))
        if not difference <= SELF_CHECK_TOLERANCE[dtype] * largest:
            raise RuntimeError(
                f"self check: {name!r} of the saved model differs by {difference:.3g} from the "
                "model"
            )
        print(f"self check: {name:16s} largest difference {difference:.1e} of {largest:.1e}")
