"""The config of a localization run, checked before anything is read."""

import math

from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.features.layout import SETTINGS, read_layouts, source_paths
from bsp_tf.localization.heads.head import check_fields, find_head

POSITIVE = ("num_segments", "batch_size", "epochs", "learning_rate")
NOT_NEGATIVE = ("weight_decay", "clip_norm")


def resolve_config(config: ConfigDict) -> ConfigDict:
    """The config with `streams` as a tuple, however it was given, and checked.

    Args:
        config: As configs/gtad_anet.py; streams "action,boundary" or a tuple.

    Raises:
        InputError: a path is not set, a number is out of its range, no stream is named, or the
            head refuses one of its fields.
    """
    fields = config.to_dict()
    streams = fields["streams"]
    names = streams.split(",") if isinstance(streams, str) else streams
    fields["streams"] = tuple(name.strip() for name in names if name.strip())
    if not fields["streams"]:
        raise InputError(
            "config.streams names no stream: set it to action, boundary or action,boundary."
        )
    for name in ("features_dir", "annotations"):
        if not fields[name]:
            raise InputError(f"config.{name} is not set: pass --config.{name}=... .")
    layouts = read_layouts(
        {name: fields[name] for name in SETTINGS}, len(source_paths(fields["features_dir"]))
    )
    if fields["windows"] and any(layout.layout == "whole" for layout in layouts):
        raise InputError(
            "config.windows = True needs rows a fixed number of frames apart: "
            "feature_layout=snippets."
        )
    for name in (*POSITIVE, *NOT_NEGATIVE, "seed"):
        if fields[name] is None:
            raise InputError(f"config.{name} is None: give a number.")
    for name in POSITIVE:
        if not 0 < fields[name] < math.inf:
            raise InputError(f"config.{name} must be above 0, got {fields[name]}.")
    for name in NOT_NEGATIVE:
        if not 0 <= fields[name] < math.inf:
            raise InputError(f"config.{name} must be at least 0, got {fields[name]}.")
    if not 0 <= fields["seed"] < 2**31:
        raise InputError(f"config.seed must be at least 0 and below 2^31, got {fields['seed']}.")
    check_fields(fields)
    resolved = ConfigDict(fields)
    find_head(fields["head"]).check_config(resolved)
    return resolved
