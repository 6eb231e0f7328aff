"""The test videos of all folds of a public set together, for bsp_tf.evaluate and bsp_tf.compare."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.experiments.grid import World, file_name
from bsp_tf.base.json_file import read_json, write_json

SUBSET = "testing"


def join_folds(
    root: Path, worlds: Sequence[World], rows: Sequence[str], seeds: Iterable[int]
) -> None:
    """Writes joined/ground_truth.json and joined/<row>_<seed>.json below `root`."""
    folder = root / "joined"
    folder.mkdir(exist_ok=True)
    database = {}
    for world in worlds:
        known = read_json(world.annotations)["database"]
        database |= {name: video for name, video in known.items() if video["subset"] == SUBSET}
    write_json(folder / "ground_truth.json", {"database": database})
    for row in rows:
        for seed in seeds:
            parts = [read_json(world.detections(row, seed, SUBSET)) for world in worlds]
            results = {name: found for part in parts for name, found in part["results"].items()}
            write_json(folder / f"{file_name(row)}_{seed}.json", parts[0] | {"results": results})
