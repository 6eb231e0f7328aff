"""An exported two-stream SavedModel, loaded for inference without any code of the models."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from bsp_tf.base.errors import InputError, cannot_read
from bsp_tf.base.json_file import read_json_object
from bsp_tf.base.labels_file import read_label_file
from bsp_tf.base.output_lock import refuse_pattern
from bsp_tf.models.trusted_operations import refuse_untrusted_operations

# A boundary stream alone may have both.
CLASSIFIERS = ("action", "boundary")
# "place": where a boundary stream was trained to place the boundary.
OUTPUTS = ("features", *CLASSIFIERS, "place")


@dataclasses.dataclass(frozen=True)
class SnippetModel:
    """A loaded two-stream SavedModel.

    Attributes:
        path: its folder, as given.
        call: uint8 [N, num_frames, H, W, 3] RGB -> {"features", "action", "boundary", ...}.
        stream: its signature for single frames (`stream_answers`), None where it has none.
        config: contents of its config asset.
        labels: of each classifier that is there, the names of its classes.
        sha256: fingerprint of weights and assets.
        loaded: the SavedModel itself; it owns the variables that `call` uses.
    """

    path: str
    call: Callable[[tf.Tensor], dict[str, tf.Tensor]]
    stream: Any
    config: Mapping[str, Any]
    labels: Mapping[str, list[str]]
    sha256: str
    loaded: Any

    def run(self, frames: np.ndarray) -> dict[str, np.ndarray]:
        """What is kept of a batch: those of OUTPUTS that the model has.

        Args:
            frames: uint8 [N, num_frames, H, W, 3] RGB.

        Returns:
            Name -> float32 [N, ...].
        """
        outputs = self.call(tf.constant(frames))
        return {name: outputs[name].numpy() for name in OUTPUTS if name in outputs}

    def run_stream(self, frames: Iterable[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
        """What `stream_answers` gives for uint8 [N, H, W, 3] frames, as arrays."""
        for outputs in stream_answers(self.stream, frames):
            yield {name: values.numpy() for name, values in outputs.items()}

    @property
    def short_side(self) -> int:
        """The largest short side of the streams, in pixels; 0: not in the config."""
        return max(
            (
                int(self.config.get(stream, {}).get("data", {}).get("short_side", 0))
                for stream in CLASSIFIERS
            ),
            default=0,
        )

    def extraction_settings(
        self, frame_step: int, stride: int, short_side: int | None
    ) -> dict[str, Any]:
        """What metadata.json of features says of this model and of the snippets that it is given.

        Args:
            frame_step: source frames between the frames of a snippet.
            stride: source frames between the starts of snippets.
            short_side: pixels that frames are scaled to on decoding; 0: none; None: what the model
                resizes to.
        """
        return {
            "window": int(self.config["num_frames"]),
            "frame_step": frame_step,
            "stride": stride,
            "feature_dim": int(self.config["feature_dim"]),
            "streams": self.config["streams"],
            **{f"{stream}_labels": names for stream, names in self.labels.items()},
            "model": self.path,
            "model_sha256": self.sha256,
            "short_side": self.short_side if short_side is None else short_side,
        }


def load_snippet_model(path: str | os.PathLike, trust: bool = False) -> SnippetModel:
    """Loads a SavedModel that `bsp_tf.export` wrote, without any code of the models.

    Args:
        path: its folder.
        trust: load it even if its graph may do more than compute, such as write files.

    Raises:
        InputError: no SavedModel, one that needs `trust`, a path like a pattern, or not one with
            the signature and the assets of a two-stream model.
    """
    given, path = os.fspath(path), Path(path)
    if not (path / "saved_model.pb").is_file():
        raise InputError(
            f"{path} is no SavedModel (it has no saved_model.pb); make it with python -m "
            "bsp_tf.export."
        )
    refuse_pattern(path)
    if not trust:
        refuse_untrusted_operations(path)
    with cannot_read(path):
        try:
            loaded = tf.saved_model.load(str(path))
        except AssertionError as error:
            # TensorFlow lists ten of them with their values.
            raise InputError(
                f"{path / 'variables'} does not hold the variables of {path / 'saved_model.pb'}. "
                "Export the model again."
            ) from error
    call = loaded.signatures.get("serving_default") if hasattr(loaded, "signatures") else None
    outputs = () if call is None else call.structured_outputs
    classifiers = [name for name in CLASSIFIERS if name in outputs]
    # One with no stream at all lacks both.
    assets = [f"{name}_labels" for name in classifiers or CLASSIFIERS] + ["config"]
    needed = ("features", *(() if classifiers else CLASSIFIERS))
    lacking = [name for name in needed if name not in outputs]
    lacking += [name for name in assets if not hasattr(loaded, name)]
    if call is None or lacking:
        raise InputError(
            f"{path} is no two-stream model: it lacks {', '.join(lacking)}. Make it with "
            "python -m bsp_tf.export."
        )
    # Only the name counts: a model of a stranger may give the path of any file.
    files = {
        name: path / "assets" / Path(getattr(loaded, name).asset_path.numpy().decode()).name
        for name in assets
    }
    labels = {name: read_label_file(files[f"{name}_labels"]) for name in classifiers}
    for name, names in labels.items():
        shape = call.structured_outputs[name].shape
        if shape.rank and shape[-1] not in (None, len(names)):
            raise InputError(
                f"{files[f'{name}_labels']} names {len(names)} classes, the model has "
                f"{shape[-1]}. Export the model again."
            )
    return SnippetModel(
        path=given,
        call=call,
        stream=loaded.signatures.get("stream"),
        config=read_json_object(files["config"], "num_frames", "feature_dim", "streams"),
        labels=labels,
        sha256=_fingerprint(path),
        loaded=loaded,
    )


def stream_answers(stream: Any, frames: Iterable[np.ndarray]) -> Iterator[dict[str, tf.Tensor]]:
    """The answers to each frame of live streams, from their first frame on.

    Args:
        stream: Signature "stream" of a SavedModel.
        frames: uint8 [N, H, W, 3] RGB, the next frame of each of N streams.

    Yields:
        Outputs of the signature without the state.
    """
    _, inputs = stream.structured_input_signature
    shapes = {name: spec.shape[1:] for name, spec in inputs.items() if name != "frames"}
    state: dict[str, tf.Tensor] = {}
    for frame in frames:
        state = state or {name: tf.zeros([len(frame), *shape]) for name, shape in shapes.items()}
        outputs = dict(stream(frames=tf.constant(frame), **state))
        state = {name: outputs.pop(name) for name in shapes}
        yield outputs


def _fingerprint(model_path: Path) -> str:
    """SHA-256 over weights and assets: the graph may differ between two exports of one model."""
    digest = hashlib.sha256()
    for folder in ("assets", "variables"):
        for path in sorted((model_path / folder).glob("*")):
            digest.update(path.name.encode())
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
