"""Makes a workdir of this package out of published PyTorch weights.

    python -m bsp_tf.import_weights --checkpoint=TSM_kinetics_RGB_resnet50.pth.tar \\
        --labels=kinetics_labels.txt --output=runs/tsm_k400

Reads these kinds of files, which differ in their names:

    TSM checkpoints (*.pth.tar), ResNet or MobileNetV2
        -> bsp_tf.export --action_workdir=OUTPUT; bsp_tf.pretrain --config.init_from=OUTPUT
    torchvision's ResNet-18/34/50/101 and MobileNetV2, trained without the shift
        -> bsp_tf.pretrain --config.init_from=OUTPUT
    G-TAD and ActionFormer of their authors (of the latter the averaged weights, state_dict_ema)
        -> bsp_tf.detect --workdir=OUTPUT

Sizes come from names and shapes; every name and shape must fit. A backbone without its classifier
can be trained from, but not exported. At the end random input goes through the new model and
through plain PyTorch with the file's own arrays: if the outputs differ by more than 1e-4 of their
range, nothing is written. Files are read as data: one that wants code to be run is refused. Needs
PyTorch: pip install '.[torch]'.

What is not in the file comes from flags: --labels (one class name a line) where the network names
classes; --shift_div, --num_frames, --short_side and --crop_size for TSM; if other than published,
--num_segments and --max_duration for G-TAD, --num_segments and --attention_windows for
ActionFormer; for both --streams, and, to run them on arrays of other tools, --feature_layout and
the other settings of configs/_localization.py.
"""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from bsp_tf.base.atomic_file import atomic_folder
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object, write_json
from bsp_tf.base.labels_file import read_label_file, write_label_file
from bsp_tf.base.output_lock import lock_place, refuse_pattern
from bsp_tf.base.settings import differences, digest_files, refuse_other_settings
from bsp_tf.features.layout import SETTINGS, setting_text

FLAGS = flags.FLAGS


@dataclasses.dataclass(frozen=True)
class ImportOptions:
    """What is not in the file; None: as published.

    Attributes:
        shift_div, num_frames, short_side, crop_size: Of a TSM, see configs/base.py.
        num_segments, streams: Of a head, see configs/_localization.py.
        feature_settings: Of a head, see bsp_tf.features.layout.
        max_duration: Of a G-TAD, see configs/gtad_anet.py.
        attention_windows: Of an ActionFormer: a number for each level, with commas, or for all.
    """

    shift_div: int = 8
    num_frames: int = 8
    short_side: int = 256
    crop_size: int = 224
    num_segments: int | None = None
    max_duration: int | None = None
    attention_windows: str | None = None
    streams: str = "action,boundary"
    feature_settings: Mapping[str, str] = dataclasses.field(default_factory=dict)


def import_weights(
    checkpoint: str | os.PathLike,
    output: str | os.PathLike,
    labels: str | os.PathLike | None = None,
    options: ImportOptions | None = None,
) -> bool:
    """Writes the workdir, all or nothing; returns False if it is there already.

    Args:
        checkpoint: PyTorch file.
        output: Folder to make.
        labels: Text file, one class name a line; for networks with a classifier only.
        options: Default: as published.

    Raises:
        InputError: PyTorch is missing; the file is no such checkpoint or does not fit in name,
            shape or numbers; the labels do not fit; or `output` holds something else.
    """
    # Imported here: PyTorch and TensorFlow take seconds to load, a mistyped path is known at once.
    from bsp_tf.torch_import.files import read_state_dict

    options, output = options or ImportOptions(), Path(output)
    names = read_label_file(labels) if labels else None
    state = read_state_dict(checkpoint)
    with _naming(checkpoint):
        config, names, make = _plan(state, names, options)
    config["imported"] |= {"file": Path(checkpoint).name, "sha256": digest_files([checkpoint])}
    if _holds_the_same(output, config, names):
        return False
    with _naming(checkpoint):
        model = make()
    _write(output, config, names, model)
    return True


@contextlib.contextmanager
def _naming(checkpoint: str | os.PathLike) -> Iterator[None]:
    """What is wrong with the weights is said with the name of their file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{checkpoint}: {error}") from error


def _plan(
    state: Mapping[str, np.ndarray], names: list[str] | None, options: ImportOptions
) -> tuple[dict[str, Any], list[str] | None, Callable[[], Any]]:
    """config.json, class names, and what makes the checked model's variables."""
    from bsp_tf.torch_import.actionformer.sizes import is_actionformer
    from bsp_tf.torch_import.gtad.sizes import is_gtad
    from bsp_tf.torch_import.tsm import model as tsm
    from bsp_tf.torch_import.tsm.sizes import find_backbone

    if is_actionformer(state):
        from bsp_tf.torch_import.actionformer import model as actionformer

        config, names = actionformer.actionformer_config(
            state,
            names,
            options.num_segments,
            options.attention_windows,
            options.streams,
            options.feature_settings,
        )
        count = len(names or ())
        return config, names, lambda: actionformer.checked_actionformer(state, config, count)
    if is_gtad(state):
        from bsp_tf.torch_import.gtad import model as gtad

        if names is not None:
            raise InputError("a G-TAD has no classes of its own: leave --labels out.")
        sizes = {name: getattr(options, name) for name in ("num_segments", "max_duration")}
        given = {name: value for name, value in sizes.items() if value is not None}
        config = gtad.gtad_config(state, given, options.streams, options.feature_settings)
        return config, None, lambda: gtad.checked_gtad(state, config)
    backbone = find_backbone(state)
    if backbone in tsm.REFERENCES:
        data = {name: getattr(options, name) for name in ("num_frames", "short_side", "crop_size")}
        config, names = tsm.tsm_config(state, backbone, names, data, options.shift_div)
        num_classes = None if names is None else len(names)
        return config, names, lambda: tsm.checked_tsm(state, config, num_classes)
    raise InputError(
        f"it holds no G-TAD or ActionFormer of their authors, and no "
        f"{' or '.join(tsm.REFERENCES)} of TSM or torchvision; its first names are "
        f"{', '.join(list(state)[:4])}."
    )


def _holds_the_same(output: Path, config: Mapping[str, Any], names: list[str] | None) -> bool:
    """Whether `output` is this import, finished; raises InputError if it is something else."""
    refuse_pattern(output)
    if not output.exists():
        return False
    if not (output / "config.json").is_file():
        raise InputError(
            f"--output={output} exists and was not made by this command: give another one."
        )
    # Imported here, as above.
    from bsp_tf.runs.workdir import LATER_FIELDS

    found = read_json_object(output / "config.json")
    label_file = output / "labels.txt"
    differing = differences(found, config, later=LATER_FIELDS)
    if names is not None and read_label_file(label_file) != names:
        differing.append(f"{label_file.name} lists other classes")
    refuse_other_settings(output, differing)
    return True


def _write(output: Path, config: Mapping[str, Any], names: list[str] | None, model: Any) -> None:
    """The workdir, whole or not at all."""
    import tensorflow as tf

    from bsp_tf.runs.full_disk import full_disk_named

    with lock_place(output), full_disk_named(output), atomic_folder(output) as workdir:
        write_json(workdir / "config.json", config)
        if names is not None:
            write_label_file(workdir / "labels.txt", names)
        tf.train.CheckpointManager(
            tf.train.Checkpoint(model=model),
            str(workdir / "checkpoints" / "best"),
            max_to_keep=1,
            checkpoint_name="imported",
        ).save(checkpoint_number=0)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    published = ImportOptions()
    flags.DEFINE_string("checkpoint", None, "PyTorch file.", required=True)
    flags.DEFINE_string("output", None, "Folder to make.", required=True)
    flags.DEFINE_string(
        "labels", None, "Text file, one class name a line, in the order of the classes."
    )
    flags.DEFINE_integer(
        "shift_div",
        published.shift_div,
        "TSM: 1/shift_div of the channels is shifted each way.",
        lower_bound=2,
    )
    flags.DEFINE_integer(
        "num_frames", published.num_frames, "TSM: frames of a clip.", lower_bound=1
    )
    flags.DEFINE_integer(
        "short_side", published.short_side, "TSM: px, before the crop.", lower_bound=32
    )
    flags.DEFINE_integer(
        "crop_size", published.crop_size, "TSM: px, what the model sees.", lower_bound=32
    )
    flags.DEFINE_integer(
        "num_segments", None, "Heads: columns (default: as published).", lower_bound=3
    )
    flags.DEFINE_integer(
        "max_duration",
        None,
        "G-TAD: longest anchor, positions (default: as published).",
        lower_bound=1,
    )
    flags.DEFINE_string(
        "attention_windows",
        None,
        "ActionFormer: positions that each sees, for each level with commas or one for all; 0: "
        "every position (default: as published).",
    )
    flags.DEFINE_string(
        "streams", published.streams, "Heads: streams of the features of bsp_tf.extract."
    )
    for name, default in SETTINGS.items():
        flags.DEFINE_string(name, setting_text(default), "Heads: see configs/_localization.py.")


def main(argv: Sequence[str]) -> None:
    """Runs the import that the flags describe."""
    del argv
    fields = {
        field.name: FLAGS[field.name].value
        for field in dataclasses.fields(ImportOptions)
        if field.name != "feature_settings"
    }
    options = ImportOptions(
        **fields, feature_settings={name: FLAGS[name].value for name in SETTINGS}
    )
    written = import_weights(FLAGS.checkpoint, FLAGS.output, FLAGS.labels, options)
    print(f"{'imported' if written else 'already imported'}: {FLAGS.output}")


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
