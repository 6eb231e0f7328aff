"""The worlds of the grid: the sample world that is hard to localize in, and public sets by fold."""

from pathlib import Path

from benchmarks.experiments.grid import World
from benchmarks.experiments.real_sample import FOLDS, FPS
from bsp_tf.quickstart.stages import Stage

CONFIGS = Path("configs")
HARD_SAMPLE = (
    "--clips_per_class_train=60",
    "--clips_per_class_validation=12",
    "--videos_train=200",
    "--videos_validation=80",
    "--videos_test=170",
)
# Frames from one snippet to the next: as many as the paper's snippets.
REAL_STRIDE = 8


def hard_world(root: Path) -> World:
    """The sample world, version 3."""
    sample = root / "sample"
    output = sample / "annotations.json"
    flags = (f"--output={sample}", *HARD_SAMPLE)
    maker = Stage(str(output), "tfrecords_tools.make_sample", flags, output)
    return World(root, CONFIGS, sample, maker, "hard")


def real_worlds(
    root: Path, name: str, source: str, recipes: str, init_from: str
) -> dict[str, World]:
    """The folds of a public set, by the prefix of their keys in the results.

    Args:
        root: Folder of all outputs.
        name: Of the set, one of REAL_SETS.
        source: Folder of the sets.
        recipes: Which configs, see `World`.
        init_from: Workdir whose weights the encoders begin with; "" for none.
    """
    sample = root / "sample"
    flags = (f"--set={name}", f"--source={source}", f"--output={sample}")
    worlds = {}
    for fold in range(FOLDS):
        folder = sample / f"fold_{fold}"
        module = "benchmarks.experiments.real_sample"
        maker = Stage(str(sample), module, flags, folder / "annotations.json")
        worlds[f"{fold}."] = World(
            root / f"fold_{fold}",
            CONFIGS,
            folder,
            maker,
            recipes,
            stride=REAL_STRIDE,
            fps=FPS,
            record_flags=("--short_side=128",),
            encoder_flags=(f"--config.init_from={init_from}",) if init_from else (),
            without_classes=True,
        )
    return worlds
