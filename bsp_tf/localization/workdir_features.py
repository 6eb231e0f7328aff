"""What a workdir notes of the features that its head is trained on: who runs it must know."""

import os
from pathlib import Path

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object, write_json
from bsp_tf.features.sources import FeatureSources

# Beside config.json; workdirs of version 0.1 have none.
FEATURES_FILE = "features.json"
# What features of other videos must have in common with those of the training.
SAME = ("model_sha256", "window", "frame_step", "stride", "short_side")


def note_features(workdir: str | os.PathLike, sources: FeatureSources) -> None:
    """Writes {"sources": [metadata.json of each without its videos; {} for other tools]} once."""
    path = Path(workdir) / FEATURES_FILE
    if not path.exists():
        write_json(path, {"sources": sources.describe()})


def check_features(workdir: str | os.PathLike, sources: FeatureSources) -> None:
    """Refuses features that were made otherwise than those a head was trained on, where both say.

    Raises:
        InputError: by a model of other weights, or of other snippets; the message names what
            differs.
    """
    path = Path(workdir) / FEATURES_FILE
    if not path.is_file():
        return
    known = read_json_object(path, "sources")["sources"]
    for then, now in zip(known, sources.describe(), strict=False):
        differing = [key for key in SAME if key in then and key in now and then[key] != now[key]]
        if differing:
            key = differing[0]
            raise InputError(
                f"{workdir} was trained on features of {key} {then[key]} (model "
                f"{then.get('model')}), those of {sources.path} have {now[key]} (model "
                f"{now.get('model')}): extract them as those of the training, or train the head on "
                "these."
            )
