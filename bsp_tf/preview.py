"""Draws samples of the boundary types, as Figure 1 of the BSP paper does.

    python -m bsp_tf.preview --config=configs/sample_boundary.py --output=preview.png \\
        --config.data.train_dir=records/train --examples=2 --seed=0

In: a record folder of tfrecords_tools.convert and the config of a run. Out: one PNG, the samples
exactly as the network sees them (crop and flip of training included). Another --seed draws others.
A written picture is replaced.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict

from bsp_tf.base.config_flag import define_config_flag, run_config_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.output_files import check_suffix
from bsp_tf.synthesis.settings import Settings

FLAGS = flags.FLAGS


def preview(
    config: ConfigDict, output: str | Path, split: str = "train", examples: int = 2, seed: int = 0
) -> Path:
    """Writes the picture of `examples` samples of each boundary type.

    Args:
        config: config of a run; its task does not matter.
        output: PNG to write.
        split: "train" or "validation".
        examples: rows of each type; fewer if a validation split gives fewer.
        seed: which samples.
    Returns:
        `output`.
    Raises:
        InputError: bad records or config (see `pipelines.dataset_for`), or `examples` below 1.
    """
    if examples < 1:
        raise InputError(f"--examples={examples}: give at least 1.")
    # Imported here: TensorFlow takes seconds to load, a mistyped flag should be told at once.
    from bsp_tf.clips.batches import read_batches
    from bsp_tf.clips.pipelines import dataset_for
    from bsp_tf.clips.source import open_split
    from bsp_tf.report.figures.boundary_samples import draw_samples
    from bsp_tf.report.figures.style import save_png

    source = open_split(config, split)
    config = config.copy_and_resolve_references()
    config.task, config.data.service = "boundary", ""
    types = Settings.from_config(config).rows
    batches = dataset_for(config, split, examples * len(types), seed)
    batch = next(read_batches(iter(batches), str(source.path)), None)
    if batch is None:
        raise InputError(
            f"the clips of {source.path} make no pair; try another --seed or more clips."
        )
    samples = {name: value.numpy() for name, value in batch.items()}
    # Small frames gain nothing from more dots, and the report embeds the picture.
    save_png(draw_samples(samples, types, source.labels), Path(output), dpi=100)
    return Path(output)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    define_config_flag()
    flags.DEFINE_string("output", "preview.png", "PNG to write.")
    flags.DEFINE_enum("split", "train", ["train", "validation"], "Whose records, and whose crops.")
    flags.DEFINE_integer("examples", 2, "Samples of each type.")
    flags.DEFINE_integer("seed", 0, "Seed of the samples.")


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    check_suffix("output", FLAGS.output, (".png",))
    output = preview(FLAGS.config, FLAGS.output, FLAGS.split, FLAGS.examples, FLAGS.seed)
    print(f"wrote {output}")


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_config_command(main, define_flags, fields=("data", "boundary"))


if __name__ == "__main__":
    run()
