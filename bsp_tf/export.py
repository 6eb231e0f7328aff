"""Exports the trained streams as a SavedModel that needs no code of ours.

    python -m bsp_tf.export --action_workdir=runs/action --boundary_workdir=runs/boundary \\
        --output=runs/two_stream

    python -m bsp_tf.export --gtad=runs/gtad --output=runs/gtad_model

The best checkpoint of each is taken. The second form saves a localization head (docs/saved_model.md
says how to use it). Without one of the workdirs of the first the SavedModel is the other stream
alone, with its outputs and labels only. A boundary stream that was trained with
boundary.class_weight names the actions, too: without an action workdir its second head does.
`model = tf.saved_model.load(output)` has these signatures:

    serving_default   frames: uint8 [N, T, H, W, 3] RGB, any N, H, W and T (trained with num_frames)
    encoded           jpegs: string [N, T], JPEG files; frames of any size, but one size a call
    stream            frames: uint8 [N, H, W, 3], the next ones of N live streams, and their state;
                      only where all streams were trained with model.shift=past
                      (docs/saved_model.md)

All return features float32 [N, 2C] (the action stream's first), action [N, K] and boundary
[N, boundary types] (probabilities), action_logits and boundary_logits, and where the boundary
stream was trained with boundary.place also place [N, T] (the higher, the rather is the boundary
there). Assets, each with its file's name in `.asset_path`: `model.action_labels`,
`.boundary_labels` (one a line) and `.config` (JSON).

Resizing, cropping and normalisation are inside, the same functions as in evaluation; both streams
share them. Batch normalisations are part of the convolutions before them. The same workdirs again:
the finished output is reused. Keras 3 reads it as keras.layers.TFSMLayer(output,
call_endpoint="serving_default").
"""

import functools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json
from bsp_tf.models.model_folder import CONFIG_FILE, holds_the_same, new_model

if TYPE_CHECKING:
    import tensorflow as tf

    from bsp_tf.models.tsm import TSM
    from bsp_tf.models.two_stream import TwoStream

FLAGS = flags.FLAGS

# Both streams see the same pixels, so these must agree.
SHARED_FIELDS = ("num_frames", "short_side", "crop_size")
# In what the networks compute -> Keras' policy.
DTYPES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def evaluation_input(frames: "tf.Tensor", short_side: int, crop_size: int) -> "tf.Tensor":
    """Evaluation preprocessing: uint8 [N, T, H, W, 3] -> normalised float32 [N, T, S, S, 3].

    S is `crop_size`.
    """
    # Imported here: TensorFlow takes seconds to load, a mistyped flag should be told at once.
    from bsp_tf.frames import preprocessing
    from bsp_tf.frames.size_check import checked_frames

    squares = preprocessing.preprocess_eval(checked_frames(frames), short_side, crop_size)
    return preprocessing.normalize(squares)


def export_two_stream(
    action_model: "TSM | None",
    boundary_model: "TSM | None",
    action_labels: Sequence[str],
    boundary_labels: Sequence[str],
    config: Mapping[str, Any],
    output: str | os.PathLike,
    preprocess: "Callable[[tf.Tensor], tf.Tensor]",
    dtype: str = "float32",
) -> bool:
    """Writes a two-stream SavedModel, all or nothing, and checks its numbers.

    Args:
        action_model, boundary_model: Trained TSMs; one may be None.
        action_labels, boundary_labels: Class names by class index; not looked at where nothing
            names them.
        config: {"action": {...}, "boundary": {...}, "num_frames": T}, JSON values; saved with
            "feature_dim", "streams", a digest of the weights ("weights"), and "dtype" if it is not
            float32 added.
        output: Folder to make.
        preprocess: See TwoStream.
        dtype: A name in DTYPES: in what the networks compute. Weights, classifiers and all outputs
            are float32.

    Returns:
        True if it was written, False if `output` already holds the same.

    Raises:
        InputError: label counts do not fit the models, `output` holds something else, or the disk
            is full.
        RuntimeError: the saved model's numbers differ; nothing is left at `output`.
    """
    from bsp_tf.base.stack import weights_digest
    from bsp_tf.models.two_stream import TwoStream

    two_stream = TwoStream(action_model, boundary_model, preprocess)
    given = {"action": list(action_labels), "boundary": list(boundary_labels)}
    labels = {name: given[name] for name in two_stream.num_classes}
    for name, count in two_stream.num_classes.items():
        if len(labels[name]) != count:
            raise InputError(
                f"the {name} model has {count} classes, its label list {len(labels[name])}: they "
                "are not of one run."
            )
    described = {
        **config,
        "feature_dim": two_stream.feature_dim,
        "streams": two_stream.streams,
        "weights": {name: weights_digest(model) for name, model in two_stream.models.items()},
    }
    if dtype != "float32":  # a model in float32 is the same file as before there was a choice
        described["dtype"] = dtype
    described = json.loads(json.dumps(described))
    if holds_the_same(Path(output), described, labels):
        return False
    _save(two_stream, described, labels, Path(output))
    return True


def _save(
    two_stream: "TwoStream", config: dict[str, Any], labels: Mapping[str, list[str]], output: Path
) -> None:
    from bsp_tf.pretraining.servable import Servable, check_saved, save_model
    from bsp_tf.runs.full_disk import full_disk_named

    with (
        full_disk_named(output),
        new_model(config, labels, output) as (folder, label_files, config_file),
    ):
        dtype = config.get("dtype", "float32")
        save_model(Servable(two_stream.folded(DTYPES[dtype]), label_files, config_file), folder)
        check_saved(two_stream, folder, config["num_frames"], dtype)


def export_head(workdir: str | os.PathLike, output: str | os.PathLike) -> bool:
    """Exports the best checkpoint of a run of bsp_tf.train_head, all or nothing.

    Returns:
        True if it was written, False if `output` already holds the same.

    Raises:
        InputError: the workdir holds no trained head, or `output` holds something else.
        RuntimeError: the saved model's numbers differ; nothing is left at `output`.
    """
    from bsp_tf.base.stack import weights_digest
    from bsp_tf.localization.heads.servable import check_saved_head, save_head
    from bsp_tf.localization.workdir import load_trained
    from bsp_tf.runs.full_disk import full_disk_named

    trained = load_trained(workdir)
    config = trained.config.to_dict() | {"weights": weights_digest(trained.model)}
    config = json.loads(json.dumps(config))
    labels = {"head": list(trained.class_names)} if trained.class_names else {}
    if holds_the_same(Path(output), config, labels):
        return False
    with (
        full_disk_named(output),
        new_model(config, labels, Path(output)) as (folder, label_files, config_file),
    ):
        save_head(trained, label_files.get("head"), config_file, folder)
        check_saved_head(trained, folder)
    return True


def export_workdirs(
    action_workdir: str | os.PathLike | None,
    boundary_workdir: str | os.PathLike | None,
    output: str | os.PathLike,
    dtype: str = "float32",
) -> bool:
    """Exports the best checkpoints of two runs of bsp_tf.pretrain, or of one; in a name of DTYPES.

    Returns:
        True if it was written, False if `output` already holds the same.

    Raises:
        InputError: no workdir, or one is not what it should be, the two runs saw different pixels
            (frames a snippet, resize, crop), or `output` holds something else.
    """
    given = {"action": action_workdir, "boundary": boundary_workdir}
    workdirs = {task: workdir for task, workdir in given.items() if workdir}
    if not workdirs:
        raise InputError("give --action_workdir, --boundary_workdir or both.")
    from bsp_tf.pretraining.trained_model import load_trained_model, read_actions

    models, configs, labels = {}, {}, {}
    for task, workdir in workdirs.items():
        models[task], run, labels[task] = load_trained_model(workdir)
        configs[task] = json.loads(run.to_json())
        if configs[task]["task"] != task:
            raise InputError(
                f"--{task}_workdir={workdir} was trained with task={configs[task]['task']}: "
                f"give a workdir with task={task}."
            )
        if task == "boundary":
            labels.setdefault("action", read_actions(workdir, run))
    first, *others = (config["data"] for config in configs.values())
    unequal = [
        f"data.{name} is {first[name]} and {other[name]}"
        for other in others
        for name in SHARED_FIELDS
        if first[name] != other[name]
    ]
    if unequal:
        raise InputError(
            f"{action_workdir} and {boundary_workdir} do not fit together: {'; '.join(unequal)}. "
            "Train both with the same values."
        )
    prepare = functools.partial(
        evaluation_input, short_side=first["short_side"], crop_size=first["crop_size"]
    )
    config = {**configs, "num_frames": first["num_frames"]}
    return export_two_stream(
        models.get("action"),
        models.get("boundary"),
        labels.get("action", ()),
        labels.get("boundary", ()),
        config,
        output,
        prepare,
        dtype,
    )


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string("action_workdir", None, "Folder of bsp_tf.pretrain with task=action.")
    flags.DEFINE_string("boundary_workdir", None, "The same with task=boundary.")
    flags.DEFINE_string("gtad", None, "Instead: folder of bsp_tf.train_head, of any head.")
    flags.DEFINE_string("output", None, "Folder of the SavedModel.", required=True)
    flags.DEFINE_enum(
        "dtype",
        "float32",
        list(DTYPES),
        "In what the networks compute; outputs are float32. bfloat16 is slower on CPUs without "
        "AVX-512 BF16 or AMX.",
    )


def main(argv: Sequence[str]) -> None:
    """Runs the export that the flags describe."""
    del argv
    if FLAGS.gtad:
        if FLAGS.action_workdir or FLAGS.boundary_workdir:
            raise InputError("--gtad is a model of its own: leave out the workdirs of the streams.")
        if FLAGS.dtype != "float32":
            raise InputError(f"--dtype={FLAGS.dtype} is of the streams: leave it out with --gtad.")
        written = export_head(FLAGS.gtad, FLAGS.output)
        print(f"{'exported' if written else 'already exported'}: {FLAGS.output}")
        return
    written = export_workdirs(
        FLAGS.action_workdir, FLAGS.boundary_workdir, FLAGS.output, FLAGS.dtype
    )
    config = read_json(Path(FLAGS.output) / "assets" / CONFIG_FILE)
    print(
        f"{'exported' if written else 'already exported'}: {FLAGS.output}, features [N, "
        f"{config['feature_dim']}], "
        f"snippets of {config['num_frames']} frames"
    )


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
