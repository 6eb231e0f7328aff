"""Draws samples of the boundary types, in the manner of the BSP paper's Figure 1.

    python -m bsp_tf.preview --config=configs/sample_boundary.py --output=preview.png \\
        --config.data.train_dir=records/train --examples=2 --seed=0

In: a record folder of tfrecords_tools.convert and the config of a run. Out: one PNG, the samples
exactly as the network sees them (crop and flip of training included). Another --seed draws others.
A written picture is replaced.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from absl import flags
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from ml_collections import ConfigDict

from bsp_tf.base.config_flag import define_config_flag, run_config_command
from bsp_tf.base.errors import InputError
from bsp_tf.clips.pipelines import dataset_for
from bsp_tf.clips.source import open_split
from bsp_tf.pretraining.batches import read_batches
from bsp_tf.report.figures.style import (
    INK,
    MUTED,
    class_colors,
    new_figure,
    readable,
    save_png,
    styled,
)
from bsp_tf.synthesis.boundary_types import NUM_TYPES, TABLE, BoundaryType

FLAGS = flags.FLAGS

# All lengths in frame widths.
GAP = 0.07
LEFT = 1.75
STRIP = 0.055
ROW_SPACE = 0.62
BLOCK_SPACE = 0.3
INCHES_A_FRAME = 0.95

Samples = dict[str, np.ndarray]


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
    source = open_split(config, split)
    config = config.copy_and_resolve_references()
    config.task, config.data.service = "boundary", ""
    batches = dataset_for(config, split, examples * NUM_TYPES, seed)
    batch = next(read_batches(iter(batches), str(source.path)), None)
    if batch is None:
        raise InputError(
            f"the clips of {source.path} make no pair; try another --seed or more clips."
        )
    samples = {name: value.numpy() for name, value in batch.items()}
    # Small frames gain nothing from more dots, and the report embeds the picture.
    save_png(draw_samples(samples, source.labels), Path(output), dpi=100)
    return Path(output)


def draw_samples(samples: Samples, labels: Sequence[str]) -> Figure:
    """The picture of a boundary batch, a block of rows per type.

    Args:
        samples: a NumPy boundary batch of `pipelines.dataset_for`.
        labels: class names by class index.
    """
    order = [np.flatnonzero(samples["label"] == number) for number in range(NUM_TYPES)]
    _, num_frames, height, width, _ = samples["frames"].shape
    tile = height / width
    row = tile + ROW_SPACE
    total_height = len(samples["label"]) * row + (len(order) - 1) * BLOCK_SPACE
    total_width = LEFT + num_frames * (1 + GAP)
    colors = class_colors(list(labels))
    figure = new_figure(total_width * INCHES_A_FRAME, (total_height + 0.3) * INCHES_A_FRAME)
    with styled():
        axes = figure.add_subplot()
        axes.set(xlim=(-LEFT, total_width - LEFT), ylim=(total_height - 0.1, -0.4), aspect="equal")
        axes.axis("off")
        top = 0.0
        for kind, members in zip(TABLE, order, strict=True):
            if len(members):
                _draw_title(axes, kind, top, top + len(members) * row - ROW_SPACE)
            for member in members:
                sample = {key: value[member] for key, value in samples.items()}
                _draw_row(axes, sample, labels, colors, top, tile)
                top += row
            top += BLOCK_SPACE
    return figure


def _draw_title(axes: Axes, kind: BoundaryType, top: float, bottom: float) -> None:
    axes.plot(
        [-0.2, -0.2],
        [top, bottom],
        color=kind.color,
        linewidth=3.5,
        solid_capstyle="butt",
    )
    middle = (top + bottom) / 2
    axes.text(
        -0.34,
        middle - 0.04,
        readable(kind.name),
        ha="right",
        va="bottom",
        color=INK,
        fontsize=11,
        weight="bold",
    )
    axes.text(-0.34, middle + 0.04, kind.caption, ha="right", va="top", color=MUTED, fontsize=8)


def _draw_row(
    axes: Axes,
    sample: Samples,
    labels: Sequence[str],
    colors: dict[str, str],
    top: float,
    tile: float,
) -> None:
    """Frames, the strip that says which clip each shows, and the boundary."""
    for place, frame in enumerate(sample["frames"]):
        left = place * (1 + GAP)
        axes.imshow(
            frame, extent=(left, left + 1, top + tile, top), interpolation="bilinear", zorder=2
        )
    num_frames = len(sample["frames"])
    end = num_frames * (1 + GAP) - GAP
    strip = top + tile + GAP
    before, after = (labels[index] for index in sample["source_classes"])
    if not TABLE[sample["label"]].has_boundary:
        _draw_strip(axes, 0, end, strip, [colors[before]] * 2)
        _write(axes, end / 2, strip, before, sample["strides"][0])
        return
    joint, half = float(sample["boundary"]), float(sample["transition_length"]) / 2
    start, stop = max(_x_of(joint - half), 0), min(_x_of(joint + half), end)
    _draw_strip(axes, 0, start, strip, [colors[before]] * 2)
    _draw_strip(axes, start, stop, strip, [colors[before], colors[after]])
    _draw_strip(axes, stop, end, strip, [colors[after]] * 2)
    _write(axes, _x_of(joint) / 2, strip, before, sample["strides"][0])
    _write(axes, (_x_of(joint) + end) / 2, strip, after, sample["strides"][1])
    _draw_boundary(axes, joint, top, strip, TABLE[sample["label"]].color)


def _x_of(position: float) -> float:
    """Where a position in frames lies: whole ones amid a gap, halves amid a frame."""
    return position * (1 + GAP) - GAP / 2


def _draw_strip(axes: Axes, left: float, right: float, top: float, colors: list[str]) -> None:
    if right > left:
        gradient = LinearSegmentedColormap.from_list("strip", colors)(np.linspace(0, 1, 256))[
            np.newaxis
        ]
        axes.imshow(gradient, extent=(left, right, top + STRIP, top), aspect="auto", zorder=1)


def _draw_boundary(axes: Axes, position: float, top: float, strip: float, color: str) -> None:
    bottom = strip + STRIP
    x = _x_of(position)
    # In the middle of a frame the line would hide it, so it stays outside.
    parts = (
        [(top - 0.06, bottom + 0.06)]
        if position.is_integer()
        else [(top - 0.06, top), (strip, bottom + 0.06)]
    )
    for upper, lower in parts:
        axes.plot(
            [x, x],
            [upper + 0.04, lower],
            color="white",
            linewidth=5,
            zorder=3,
            solid_capstyle="butt",
        )
        axes.plot(
            [x, x], [upper, lower], color=color, linewidth=2.2, zorder=4, solid_capstyle="butt"
        )
    axes.plot(
        [x],
        [top - 0.09],
        marker="v",
        color=color,
        markersize=7,
        markeredgewidth=0,
        zorder=5,
        clip_on=False,
    )


def _write(axes: Axes, x: float, strip: float, label: str, stride: int) -> None:
    suffix = {2: "nd", 3: "rd"}.get(int(stride), "th")
    pace = "every frame" if stride == 1 else f"every {stride}{suffix} frame"
    axes.text(
        x,
        strip + STRIP + 0.06,
        f"{readable(label)} · {pace}",
        ha="center",
        va="top",
        fontsize=8,
        color=INK,
    )


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
    output = preview(FLAGS.config, FLAGS.output, FLAGS.split, FLAGS.examples, FLAGS.seed)
    print(f"wrote {output}")


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_config_command(main, define_flags, fields=("data", "boundary"))


if __name__ == "__main__":
    run()
