"""ActionFormer (Zhang et al., arXiv 2202.07925) as a localization head."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.localization.heads.actionformer.decode import decode_points
from bsp_tf.localization.heads.actionformer.pyramid import columns_of, make_points
from bsp_tf.localization.heads.actionformer.targets import point_targets
from bsp_tf.localization.heads.head import Head
from bsp_tf.localization.nms import Suppression
from bsp_tf.localization.proposals import Proposals

# Arguments of `network.ActionFormer` beside the channels, classes and num_segments.
SIZES = (
    *("width", "num_heads", "embedding_convs", "stem_blocks", "attention_windows"),
    *("position_encoding", "neck", "drop_path", "first_normalizer"),
)
# The published settings: THUMOS14, each class by itself; ActivityNet, without classes.
CLASS_SUPPRESSION = Suppression(width=0.5, max_proposals=200, min_score=1e-3)
BLIND_SUPPRESSION = Suppression(width=0.75, max_proposals=100, min_score=1e-3, voting=0.9)
# What the learning rate falls to.
LAST_RATE = 1e-8
# Columns from the start of a sequence to the middle of its first column, which is position 0.
HALF = 0.5


class ActionFormerHead(Head):
    """Whole videos as for ActivityNet; with config.crops as for THUMOS14."""

    title = "ActionFormer"
    fields = (*SIZES, "names_classes", "min_length")
    sums_over_batch = True

    def check_config(self, config: ConfigDict) -> None:
        from bsp_tf.localization.heads.actionformer.necks import NECKS

        if config.windows:
            raise InputError(
                "config.windows is for G-TAD: ActionFormer takes long videos in one piece, with "
                "config.crops=True."
            )
        for name in ("width", "num_heads", "embedding_convs", "stem_blocks", "first_normalizer"):
            if not config[name] > 0:
                raise InputError(f"config.{name} must be above 0, got {config[name]}.")
        for name in ("drop_path", "label_smoothing", "average_decay"):
            if not 0 <= config[name] < 1:
                raise InputError(f"config.{name} must be in [0, 1), got {config[name]}.")
        for name in ("min_length", "warmup_epochs"):
            if not 0 <= config[name] < math.inf:
                raise InputError(f"config.{name} must be at least 0, got {config[name]}.")
        if config.neck not in NECKS:
            raise InputError(f"config.neck must be one of {', '.join(NECKS)}, got {config.neck!r}.")
        windows = config.attention_windows
        if not windows or not all(isinstance(window, int) and window >= 0 for window in windows):
            raise InputError(
                "config.attention_windows must be a number of positions, or 0 for all, for each "
                f"level, got {windows}."
            )
        if config.num_segments % 2 ** (len(windows) - 1):
            raise InputError(
                f"config.num_segments = {config.num_segments} cannot be halved "
                f"{len(windows) - 1} times, for {len(windows)} attention_windows."
            )

    def names_classes(self, config: ConfigDict) -> bool:
        return config["names_classes"]

    def build(self, config: ConfigDict, feature_dim: int, num_classes: int) -> Any:
        from bsp_tf.localization.heads.actionformer.network import ActionFormer

        outputs = num_classes if config.names_classes else 1
        sizes = {name: config[name] for name in SIZES}
        model = ActionFormer(feature_dim, outputs, config.num_segments, **sizes)
        model.build()
        return model

    def forward(
        self, model: Any, features: Any, inside: Any, draws: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return model(features, inside, (draws or {}).get("keep"))

    def num_columns(self, num_rows: int, config: ConfigDict) -> int:
        # As far as the reference fills them up: whether there is a column after the end shows in
        # the last scores, how many there are does not.
        multiple = math.lcm(
            *(2**level * max(2 * (w // 2), 1) for level, w in enumerate(config.attention_windows))
        )
        return max(config.num_segments, multiple * math.ceil(num_rows / multiple))

    def targets(
        self, segments: np.ndarray, labels: np.ndarray, num_classes: int, config: ConfigDict
    ) -> dict[str, np.ndarray]:
        points = make_points(config.num_segments, len(config.attention_windows))
        if not config.names_classes:
            labels, num_classes = np.zeros_like(labels), 1
        positions = segments * config.num_segments - HALF
        classes, offsets = point_targets(points, positions, labels, num_classes)
        return {"classes": classes, "offsets": offsets}

    def draws(self, seed: Any, count: Any, config: ConfigDict) -> dict[str, Any]:
        from bsp_tf.localization.heads.actionformer.block import draw_keeps

        if not config.drop_path:
            return {}
        num_blocks = config.stem_blocks + len(config.attention_windows) - 1
        return {"keep": draw_keeps(seed, count, num_blocks, config.drop_path)}

    def losses(
        self,
        model: Any,
        outputs: Mapping[str, Any],
        targets: Mapping[str, Any],
        config: ConfigDict,
        training: bool,
    ) -> dict[str, Any]:
        from bsp_tf.localization.heads.actionformer import losses

        if training:
            positives = losses.count_positives(outputs["inside"], targets["classes"])
            model.normalizer.assign(losses.next_normalizer(model.normalizer, positives))
        return losses.point_losses(
            outputs, targets, model.normalizer, config.label_smoothing, config.offset_weight
        )

    def optimizer(self, model: Any, config: ConfigDict) -> Any:
        from bsp_tf.localization.heads.actionformer.optimizer import TorchAdamW

        optimizer = TorchAdamW(config.learning_rate, weight_decay=config.weight_decay)
        # Only kernels decay; all else is a vector or a number.
        plain = [variable for variable in model.trainable_variables if len(variable.shape) < 2]
        optimizer.exclude_from_weight_decay(var_list=plain)
        return optimizer

    def learning_rate(self, step: int, steps_per_epoch: int, config: ConfigDict) -> float:
        warm_up, total = config.warmup_epochs * steps_per_epoch, config.epochs * steps_per_epoch
        if step < warm_up:
            return config.learning_rate * step / max(warm_up - 1, 1)
        share = (step - warm_up) / max(total - warm_up, 1)
        return LAST_RATE + (config.learning_rate - LAST_RATE) * (1 + math.cos(math.pi * share)) / 2

    def decode(self, outputs: Mapping[str, np.ndarray], config: ConfigDict) -> list[Proposals]:
        levels = len(config.attention_windows)
        length = columns_of(outputs["logits"].shape[1], levels)
        found = decode_points(outputs, levels, config.min_length)
        return [
            Proposals(
                (video.segments + HALF) / length,
                video.scores,
                video.labels if config.names_classes else None,
            )
            for video in found
        ]

    def suppression(self, config: ConfigDict) -> Suppression:
        return CLASS_SUPPRESSION if self.names_classes(config) else BLIND_SUPPRESSION


HEAD = ActionFormerHead()
