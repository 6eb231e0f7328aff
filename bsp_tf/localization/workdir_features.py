"""What a workdir notes of the features that its head is trained on: who runs it must know."""

import os
from pathlib import Path

from bsp_tf.base.json_file import write_json
from bsp_tf.features.sources import FeatureSources

# Beside config.json; workdirs of version 0.1 have none.
FEATURES_FILE = "features.json"


def note_features(workdir: str | os.PathLike, sources: FeatureSources) -> None:
    """Writes {"sources": [metadata.json of each without its videos; {} for other tools]} once."""
    path = Path(workdir) / FEATURES_FILE
    if not path.exists():
        write_json(path, {"sources": sources.describe()})
