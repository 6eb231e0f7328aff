"""With which snippets a localization head wants a model to be asked, and whether they fit."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object
from bsp_tf.features.layout import source_paths
from bsp_tf.features.store import METADATA_FILE
from bsp_tf.localization.workdir_features import FEATURES_FILE

DEFAULTS = {"frame_step": 1, "stride": 8}


def trained_on(workdir: str | os.PathLike, config: Mapping[str, Any]) -> dict[str, Any] | None:
    """What metadata.json said of the features that a head was trained on; None: not known.

    It stands in the workdir; a workdir that an older version made says where the features lay.

    Args:
        workdir: of the head.
        config: of the run.

    Raises:
        InputError: features of other tools, or of several folders, which one model does not make.
    """
    record = Path(workdir) / FEATURES_FILE
    if record.is_file():
        sources = read_json_object(record, "sources")["sources"]
    else:
        paths = [Path(path) / METADATA_FILE for path in source_paths(config["features_dir"])]
        if not all(path.is_file() for path in paths) and not config.get("feature_layout"):
            return None
        sources = [read_json_object(path) if path.is_file() else {} for path in paths]
    if len(sources) != 1 or "window" not in sources[0]:
        raise InputError(
            f"{workdir} was trained on features of {len(sources)} sources or of another tool "
            f"({config['features_dir']}), which one model does not make: use bsp_tf.detect on such "
            "features."
        )
    return sources[0]


def snippet_settings(
    workdir: str | os.PathLike,
    config: Mapping[str, Any],
    trained: Mapping[str, Any] | None,
    model: Mapping[str, Any],
    asked: Mapping[str, int | None],
) -> dict[str, Any]:
    """The snippets to make for a head: as those that it was trained on.

    Args:
        workdir: of the head, for messages.
        config: of the run: "streams", "feature_dim".
        trained: from `trained_on`.
        model: what metadata.json would say of the model's features: "streams", "window", "model",
            "model_sha256", "short_side".
        asked: "frame_step" and "stride" as the user gives them; None: as the head wants them.

    Returns:
        `model` with "frame_step", "stride" and "short_side" filled in.

    Raises:
        InputError: the model lacks a stream of the head, gives another number of channels, has
            another window or other weights than the one of the training, or a setting was asked for
            that the head was not trained with. The message names it.
    """
    path = model["model"]
    lacking = [name for name in config["streams"] if name not in model["streams"]]
    if lacking:
        raise InputError(
            f"{workdir} was trained on the streams {', '.join(config['streams'])}, and {path} has "
            f"no {lacking[0]} stream: give the model of its features (--model)."
        )
    channels = sum(end - begin for begin, end in (model["streams"][n] for n in config["streams"]))
    if channels != config["feature_dim"]:
        raise InputError(
            f"{workdir} was trained on {config['feature_dim']} channels, and {path} gives "
            f"{channels}: give the model of its features (--model)."
        )
    before = trained or {}
    if before.get("window", model["window"]) != model["window"]:
        raise InputError(
            f"{workdir} was trained on snippets of {before['window']} frames, and {path} takes "
            f"{model['window']}: give the model of its features (--model)."
        )
    if before.get("model_sha256", model["model_sha256"]) != model["model_sha256"]:
        raise InputError(
            f"{workdir} was trained on features of {before.get('model')}, which has other weights "
            f"than {path}: give that model (--model), or train the head on features of this one."
        )
    settings = dict(model)
    for name, default in DEFAULTS.items():
        wanted, given = before.get(name), asked.get(name)
        if wanted and given and given != wanted:
            raise InputError(
                f"--{name}={given}, but {workdir} was trained on features of {name} {wanted}: "
                f"leave --{name} out."
            )
        settings[name] = wanted or given or default
    if before.get("short_side") is not None:
        settings["short_side"] = before["short_side"]
    return settings
