"""Both streams as one model: frames in, snippet features and both classifiers' answers out.

Source: Xu et al., "Boundary-Sensitive Pre-training for Temporal Localization in Videos", ICCV 2021,
section 3.3: two backbones trained independently, their penultimate features concatenated.
"""

from collections.abc import Callable

import tensorflow as tf

from bsp_tf.models.place_map import place_map
from bsp_tf.models.tsm import TSM


class TwoStream(tf.Module):
    """The action TSM and the boundary TSM behind one preprocessing.

    Attributes:
        action, boundary: The two models.
        feature_dim: Length of the concatenated feature vector.
    """

    def __init__(self, action: TSM, boundary: TSM, preprocess: Callable[[tf.Tensor], tf.Tensor]):
        """Takes trained models.

        Args:
            action: TSM of the action classes.
            boundary: TSM of the boundary types.
            preprocess: uint8 [N, T, H, W, 3] RGB -> float32 [N, T, S, S, 3] normalised, what the
                models were evaluated with. It becomes part of the saved graph.
        """
        super().__init__(name="two_stream")
        self.action = action
        self.boundary = boundary
        self._preprocess = preprocess
        self.feature_dim = action.feature_dim + boundary.feature_dim

    @property
    def streams(self) -> dict[str, list[int]]:
        """{"action": [0, C], "boundary": [C, 2C]}: part [begin, end) of each in the features."""
        return {
            "action": [0, self.action.feature_dim],
            "boundary": [self.action.feature_dim, self.feature_dim],
        }

    def __call__(self, frames: tf.Tensor) -> dict[str, tf.Tensor]:
        """Features and class probabilities of snippets.

        Args:
            frames: uint8 [N, T, H, W, 3] RGB, any N, T, H, W.

        Returns:
            All float32: "features" [N, feature_dim] (action first), "action" [N, K] and "boundary"
            [N, boundary types] probabilities that sum to 1, and "action_logits", "boundary_logits"
            of the same shapes. "place" [N, T], where the boundary stream has a placing head: the
            map of `place_map`.
        """
        inputs = self._preprocess(frames)
        action, boundary = self.action(inputs), self.boundary(inputs)
        outputs = {
            "features": tf.concat([action["features"], boundary["features"]], axis=-1),
            "action": tf.nn.softmax(action["logits"]),
            "boundary": tf.nn.softmax(boundary["logits"]),
            "action_logits": action["logits"],
            "boundary_logits": boundary["logits"],
        }
        if "place" in boundary:
            outputs["place"] = place_map(boundary["place"], self.boundary.place_kind)
        return outputs
