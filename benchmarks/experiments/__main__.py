"""Runs the grid behind docs/results.md, cell by cell, and writes a row of JSON for each.

    python -m benchmarks.experiments --root=experiments --output=docs/results/hard.json
    python -m benchmarks.experiments --root=experiments --output=docs/results/hard.json --list

Every cell is a chain of public commands (benchmarks/experiments/grid.py); each is printed, run once
and reused by all cells that need it, and all of them can be killed and go on. Seeds come first: a
grid that was stopped early has all rows, of fewer seeds.

    --seeds=5        seeds of each row
    --first_seed=0   the first of them
    --runs=1         runs of the localization head, of different seeds, on the features of each
    --rows=...       only these rows, with semicolons between them (those that are told true
                     joints run only where they are named)
    --world=handwash --source=SETS --init_from=WORKDIR
                     a public set below SETS (benchmarks/experiments/real_sample.py), three folds,
                     encoders that begin with the weights of WORKDIR
    --designs=...    the joints that these designs find on validation videos, with semicolons; no
                     localization
"""

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from benchmarks.experiments.encoders import DESIGNS
from benchmarks.experiments.folds import join_folds
from benchmarks.experiments.grid import CEILINGS, HANDMADE, ROWS, World
from benchmarks.experiments.joints import encoder_joints
from benchmarks.experiments.real_clips import REAL_SETS
from benchmarks.experiments.steps import Runner
from benchmarks.experiments.worlds import hard_world, real_worlds
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json, write_json
from bsp_tf.base.output_lock import lock_folder

FLAGS = flags.FLAGS

SUBSETS = ("validation", "testing")


def localization_cell(
    world: World, runner: Runner, row: str, seed: int, again: int
) -> dict[str, Any]:
    """The scores of a row with one seed, and of one run of the head, on both subsets."""
    steps = {subset: world.scores(row, seed, subset, again) for subset in SUBSETS}
    for step in steps.values():
        runner.run(step)
    return {
        "scores": {subset: read_json(step.stage.output) for subset, step in steps.items()},
        "seconds": runner.cost(steps[SUBSETS[-1]]),
    }


def encoder_cell(
    world: World, runner: Runner, name: str, seed: int, subset: str | None = None
) -> dict[str, Any]:
    """Validation accuracy of an encoder, and the joints that it finds.

    Args:
        world, runner: What all cells share.
        name, seed: Of the encoder.
        subset: Whose videos are looked at; None: those of all SUBSETS, from the features that the
            rows have.
    """
    features = world.features(name, seed, subset)
    runner.run(features)
    accuracy = read_json(world.encoder(name, seed).stage.output)
    return {
        "accuracy": accuracy["accuracy"],
        "per_class": accuracy["per_class"],
        "joints": {
            part: encoder_joints(features.stage.output.parent, world.annotations, part)
            for part in ([subset] if subset else SUBSETS)
        },
        "seconds": runner.cost(features),
    }


def _chosen(text: str, known: Sequence[str], flag: str) -> list[str]:
    given = [name for name in text.split(";") if name]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InputError(f"--{flag}: {unknown[0]!r} is none of {'; '.join(known)}.")
    return given


def main(argv: Sequence[str]) -> None:
    """Runs what is missing of the grid."""
    del argv
    root, output = Path(FLAGS.root), Path(FLAGS.output)
    if FLAGS.world == "hard":
        worlds = {"": hard_world(root)}
    else:
        worlds = real_worlds(root, FLAGS.world, FLAGS.source, FLAGS.recipes, FLAGS.init_from)
    designs = _chosen(FLAGS.designs, list(DESIGNS), "designs")
    rows = _chosen(FLAGS.rows, list(ROWS), "rows")
    if not rows and not designs:
        rows = [row for row in ROWS if row not in CEILINGS]
    chosen = [("designs", name) for name in designs] + [("rows", row) for row in rows]
    seeds = range(FLAGS.first_seed, FLAGS.first_seed + FLAGS.seeds)
    cells = [(kind, name, fold, seed) for seed in seeds for fold in worlds for kind, name in chosen]
    if FLAGS.list:
        print("\n".join(f"{kind}: {name}, seed {fold}{seed}" for kind, name, fold, seed in cells))
        return
    results = read_json(output) if output.exists() else {}

    def keep(kind: str, name: str, key: str, cell: dict[str, Any]) -> None:
        results.setdefault(kind, {}).setdefault(name, {})[key] = cell
        write_json(output, results | {"machine": platform.processor() or platform.machine()})

    with lock_folder(root):
        runner = Runner(root)
        for kind, name, fold, seed in cells:
            world, key = worlds[fold], f"{fold}{seed}"
            if kind == "designs":
                keep(kind, name, key, encoder_cell(world, runner, name, seed, "validation"))
                continue
            for again in range(FLAGS.runs):
                cell = localization_cell(world, runner, name, seed, again)
                keep(kind, name, f"{key} again {again}" if again else key, cell)
            for encoder, added in ROWS[name]:
                if encoder not in HANDMADE:
                    cell = encoder_cell(world, runner, encoder, seed + added)
                    keep("encoders", encoder, f"{fold}{seed + added}", cell)
        if FLAGS.world != "hard":
            join_folds(root, list(worlds.values()), rows, seeds)


def define_flags() -> None:
    """Defines the flags of the command."""
    flags.DEFINE_string("root", "experiments", "Folder of everything that the cells make.")
    flags.DEFINE_string("output", None, "JSON with a row for each cell.", required=True)
    flags.DEFINE_enum("world", "hard", ["hard", *REAL_SETS], "The untrimmed videos.")
    flags.DEFINE_string("source", "videos", "Public sets: the folder they are in.")
    flags.DEFINE_enum("recipes", "real", ["real", "hard"], "Public sets: which configs.")
    flags.DEFINE_string("init_from", "", "Public sets: workdir of the first weights.")
    flags.DEFINE_integer("seeds", 5, "Seeds of each row.", lower_bound=1)
    flags.DEFINE_integer("first_seed", 0, "The first of them.", lower_bound=0)
    flags.DEFINE_integer("runs", 1, "Runs of the localization head on each set of features.", 1)
    flags.DEFINE_string("rows", "", "Only these rows, with semicolons.")
    flags.DEFINE_string("designs", "", "Designs of the boundary task, with semicolons.")
    flags.DEFINE_boolean("list", False, "Only name the cells.")


if __name__ == "__main__":
    run_command(main, define_flags)
