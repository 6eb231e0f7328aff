"""G-TAD (Xu et al., arXiv 1911.11462) as a localization head."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.localization.heads.gtad.decode import decode_proposals
from bsp_tf.localization.heads.gtad.targets import valid_mask, video_targets, window_targets
from bsp_tf.localization.heads.head import Head
from bsp_tf.localization.nms import Suppression
from bsp_tf.localization.proposals import Proposals

# Arguments of `network.GTAD` beside the channels and num_segments.
SIZES = (
    "max_duration",
    "base_width",
    "branch_width",
    "map_widths",
    "map_kernel",
    "groups",
    "stem_groups",
    "neighbours",
    "inner_bins",
    "context_bins",
)
# The published settings: ActivityNet; THUMOS14, where each window is suppressed, then all together.
VIDEO_SUPPRESSION = Suppression(width=0.8, max_proposals=100)
WINDOW_SUPPRESSION = Suppression(width=0.46, max_proposals=200)


class GTADHead(Head):
    """Whole videos as for ActivityNet; with config.windows as for THUMOS14."""

    title = "G-TAD"
    fields = SIZES
    max_window_frames = 300

    def check_config(self, config: ConfigDict) -> None:
        from bsp_tf.localization.heads.gtad.losses import LOSS_VARIANTS

        widths = config.map_widths
        if len(widths) != 2 or not all(isinstance(width, int) and width > 0 for width in widths):
            raise InputError(f"config.map_widths must be two widths above 0, got {widths}.")
        for name in SIZES:
            if name != "map_widths" and not config[name] > 0:
                raise InputError(f"config.{name} must be above 0, got {config[name]}.")
        for name in ("neighbours", "max_duration"):
            if config[name] > config.num_segments:
                raise InputError(
                    f"config.{name} = {config[name]} exceeds config.num_segments = "
                    f"{config.num_segments}."
                )
        if not config.lr_drop_every > 0:
            raise InputError(f"config.lr_drop_every must be above 0, got {config.lr_drop_every}.")
        if config.loss not in LOSS_VARIANTS:
            raise InputError(
                f"config.loss must be one of {', '.join(LOSS_VARIANTS)}, got {config.loss!r}."
            )

    def build(self, config: ConfigDict, feature_dim: int, num_classes: int) -> Any:
        from bsp_tf.localization.heads.gtad.network import GTAD

        del num_classes
        model = GTAD(feature_dim, config.num_segments, **{name: config[name] for name in SIZES})
        model.build()
        return model

    def targets(
        self, segments: np.ndarray, labels: np.ndarray, num_classes: int, config: ConfigDict
    ) -> dict[str, np.ndarray]:
        del labels, num_classes
        make = window_targets if config.windows else video_targets
        return make(segments, config.num_segments, config.max_duration)

    def draws(self, seed: Any, count: Any, config: ConfigDict) -> dict[str, Any]:
        import tensorflow as tf

        shape = tf.stack([2, count, config.max_duration, config.num_segments])
        return {"draws": tf.transpose(tf.random.stateless_uniform(shape, seed), [1, 0, 2, 3])}

    def losses(
        self,
        model: Any,
        outputs: Mapping[str, Any],
        targets: Mapping[str, Any],
        config: ConfigDict,
        training: bool,
    ) -> dict[str, Any]:
        del model, training
        import tensorflow as tf

        from bsp_tf.localization.heads.gtad.losses import LOSS_VARIANTS, gtad_losses

        valid = tf.constant(valid_mask(config.num_segments, config.max_duration))
        draws = tf.transpose(targets["draws"], [1, 0, 2, 3])
        return gtad_losses(outputs, targets, valid, draws, LOSS_VARIANTS[config.loss])

    def decode(self, outputs: Mapping[str, np.ndarray], config: ConfigDict) -> list[Proposals]:
        if config.get("windows", False):
            return decode_proposals(outputs["map"])
        return decode_proposals(outputs["map"], outputs["start"], outputs["end"])

    def suppression(self, config: ConfigDict) -> Suppression:
        return WINDOW_SUPPRESSION if config.get("windows", False) else VIDEO_SUPPRESSION


HEAD = GTADHead()
