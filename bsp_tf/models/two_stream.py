"""Both streams, or one of them, as one model: frames in, features and classifiers' answers out.

Source: Xu et al., "Boundary-Sensitive Pre-training for Temporal Localization in Videos", ICCV 2021,
section 3.3: two backbones trained independently, their penultimate features concatenated.
"""

import itertools
from collections.abc import Callable, Mapping

import tensorflow as tf

from bsp_tf.models.folding import folded_copy
from bsp_tf.models.online import online_step
from bsp_tf.models.place_map import place_map
from bsp_tf.models.tsm import TSM


class TwoStream(tf.Module):
    """The action TSM and the boundary TSM behind one preprocessing.

    Attributes:
        models: The models by the names of their streams, "action" first.
        feature_dim: Length of the concatenated feature vector.
    """

    def __init__(
        self,
        action: TSM | None,
        boundary: TSM | None,
        preprocess: Callable[[tf.Tensor], tf.Tensor],
    ):
        """Takes trained models.

        Args:
            action: TSM of the action classes, or None for the boundary stream alone.
            boundary: TSM of the boundary types, or None.
            preprocess: uint8 [N, T, H, W, 3] RGB -> float32 [N, T, S, S, 3] normalised, what the
                models were evaluated with. It becomes part of the saved graph.
        """
        super().__init__(name="two_stream")
        given = {"action": action, "boundary": boundary}
        self.models = {name: model for name, model in given.items() if model is not None}
        self._preprocess = preprocess
        self.feature_dim = sum(model.feature_dim for model in self.models.values())

    def folded(self, dtype: str | None = None) -> "TwoStream":
        """A copy for evaluation only, faster and equal but for rounding (see `folded_copy`)."""
        models = {name: folded_copy(model, dtype) for name, model in self.models.items()}
        return TwoStream(models.get("action"), models.get("boundary"), self._preprocess)

    @property
    def streams(self) -> dict[str, list[int]]:
        """{"action": [0, C], "boundary": [C, 2C]}: part [begin, end) of each in the features."""
        sizes = [model.feature_dim for model in self.models.values()]
        ends = itertools.accumulate(sizes)
        parts = ([end - size, end] for size, end in zip(sizes, ends, strict=True))
        return dict(zip(self.models, parts, strict=True))

    @property
    def num_classes(self) -> dict[str, int]:
        """Classes by classifier, "action" and "boundary".

        Without an action stream the actions are named by the second head of the boundary stream,
        if it has one.
        """
        counts = {name: model.num_classes for name, model in self.models.items()}
        boundary = self.models.get("boundary")
        if boundary and boundary.num_actions:
            counts.setdefault("action", boundary.num_actions)
        return counts

    def __call__(self, frames: tf.Tensor) -> dict[str, tf.Tensor]:
        """Features and class probabilities of snippets.

        Args:
            frames: uint8 [N, T, H, W, 3] RGB, any N, T, H, W.

        Returns:
            All float32: "features" [N, feature_dim] (action first), and of each classifier that is
            there (`num_classes`) "action" [N, K] or "boundary" [N, boundary types], probabilities
            that sum to 1, and "action_logits", "boundary_logits" of the same shapes. "place"
            [N, T], where a stream has a placing head: the map of `place_map`.
        """
        inputs = self._preprocess(frames)
        return self._outputs({name: model(inputs) for name, model in self.models.items()})

    @property
    def online(self) -> bool:
        """Whether `step` is possible: all streams look back only."""
        return all(model.shift == "past" for model in self.models.values())

    def step(self, frames: tf.Tensor, state: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The next frame of each of N live streams; see `online` for what equals what.

        Args:
            frames: uint8 [N, H, W, 3] RGB, any N, H, W.
            state: The "state_..." of the frame before; {}, or zeros, at the start of a stream.

        Returns:
            As `__call__`, of this frame alone ("place" [N]), and the state for the next frame:
            "state_<stream>_<convolution>", float32 [N, h, w, c].
        """
        inputs = self._preprocess(frames[:, None])[:, 0]
        answers: dict[str, dict[str, tf.Tensor]] = {}
        left: dict[str, tf.Tensor] = {}
        for name, model in self.models.items():
            prefix = f"state_{name}_"
            # SavedModels name tensors as Python does its variables.
            own = {key.replace(".", "_"): key for key in (*model.backbone.shifts, "frame", "seen")}
            before = {
                own[key.removeprefix(prefix)]: values
                for key, values in state.items()
                if key.startswith(prefix)
            }
            answers[name], after = online_step(model, inputs, before)
            left |= {prefix + key.replace(".", "_"): values for key, values in after.items()}
        return {**self._outputs(answers), **left}

    def _outputs(self, answers: Mapping[str, dict[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
        outputs = {
            "features": tf.concat([answer["features"] for answer in answers.values()], axis=-1)
        }
        for name, answer in answers.items():
            if "place" in answer:
                outputs["place"] = place_map(answer["place"], self.models[name].place_kind)
        logits = {name: answer["logits"] for name, answer in answers.items()}
        second = answers.get("boundary", {})
        if "action" in second:
            logits.setdefault("action", second["action"])
        for name, values in logits.items():
            outputs[name] = tf.nn.softmax(values)
            outputs[f"{name}_logits"] = values
        return outputs
