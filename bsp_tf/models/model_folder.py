"""The folder of an exported SavedModel: made whole or not at all; the same again is reused."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bsp_tf.base.atomic_file import atomic_folder
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object, write_json
from bsp_tf.base.labels_file import read_label_file, write_label_file
from bsp_tf.base.output_lock import lock_place, refuse_pattern
from bsp_tf.base.settings import differences, refuse_other_settings

LABEL_FILES = {
    "action": "action_labels.txt",
    "boundary": "boundary_labels.txt",
    "head": "labels.txt",
}
CONFIG_FILE = "config.json"


def holds_the_same(
    output: Path, config: Mapping[str, Any], labels: Mapping[str, Sequence[str]]
) -> bool:
    """Whether a SavedModel is there that was made with these settings and labels.

    Raises:
        InputError: `output` holds something else.
    """
    refuse_pattern(output)
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return False
    if not (output / "saved_model.pb").is_file() or not (output / "assets" / CONFIG_FILE).is_file():
        raise InputError(f"--output={output} exists and is no exported model: give another folder.")
    there = read_json_object(output / "assets" / CONFIG_FILE)
    differing = differences(there, config, later={"dtype": "float32"})
    for stream, names in labels.items():
        if read_label_file(output / "assets" / LABEL_FILES[stream]) != list(names):
            differing.append(f"the {stream} labels are others")
    refuse_other_settings(output, differing)
    return True


@contextlib.contextmanager
def new_model(
    config: Mapping[str, Any], labels: Mapping[str, Sequence[str]], output: Path
) -> Iterator[tuple[Path, dict[str, Path], Path]]:
    """The folder to write, which becomes `output` at the end, and the files of its assets."""
    with (
        lock_place(output),
        atomic_folder(output) as folder,
        tempfile.TemporaryDirectory() as sources,
    ):
        config_file = Path(sources, CONFIG_FILE)
        write_json(config_file, config)
        label_files = {name: Path(sources, LABEL_FILES[name]) for name in labels}
        for name, path in label_files.items():
            write_label_file(path, labels[name])
        yield folder, label_files, config_file
