"""Time and memory of finding the clips of a Kinetics CSV of 650,000 rows, and of listing files.

    python -m benchmarks.plan_conversion --output=plan_conversion.json

Two parts, since 650,000 files are too many to make for a measurement:

- index: a synthetic CSV on disk (700 classes, ids of 11 characters, 5 % of the rows without a file,
  1 % with the file in another class's folder) is read and matched against a list of paths in
  memory, as a walk would give it;
- walk: a real tree of empty files, 700 folders, is made in a temporary folder and listed; the time
  on 650,000 files is scaled from it, not measured. It is a local disk with warm caches: a network
  file system takes longer.

Each runs in a process of its own, whose peak memory is that of the whole process.
"""

import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json
from bsp_tf.video.folder_listing import FileListing, list_files
from tfrecords_tools.inputs.kinetics_index import index_kinetics

FLAGS = flags.FLAGS

ROWS, CLASSES, REAL_FILES = 650_000, 700, 20_000
ID_CHARACTERS = np.frombuffer(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", "S1"
)
ID_LENGTH = 11
MISSING, MISPLACED = 0.05, 0.01


def make_plan(num_rows: int, num_classes: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """(lines of a Kinetics CSV, sorted paths of its files), some missing or in a wrong folder."""
    rng = np.random.default_rng(seed)
    ids = (
        rng.choice(ID_CHARACTERS, (num_rows, ID_LENGTH))
        .view(f"S{ID_LENGTH}")[:, 0]
        .astype(str)
        .tolist()
    )
    labels, starts = (
        rng.integers(0, num_classes, num_rows).tolist(),
        rng.integers(0, 600, num_rows).tolist(),
    )
    lines, paths = ["label,youtube_id,time_start,time_end,split,is_cc"], []
    for name, label, start, chance in zip(
        ids, labels, starts, rng.random(num_rows).tolist(), strict=True
    ):
        lines.append(f"class (number {label}),{name},{start},{start + 10},train,0")
        if chance >= MISSING:
            folder = (label + (chance > 1 - MISPLACED)) % num_classes
            paths.append(f"class_number_{folder}/{name}_{start:06d}_{start + 10:06d}.mp4")
    return lines, sorted(paths)


def time_index(csv_path: Path, paths: list[str]) -> dict:
    """Seconds of one indexing, and what it found."""
    begin, cpu = time.perf_counter(), time.process_time()
    index = index_kinetics(csv_path, csv_path.parent, listing=FileListing(paths, []))
    return {
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - cpu,
        "clips": len(index.clips),
        "missing": len(index.missing),
    }


def time_walk(root: Path) -> dict:
    """Seconds of one walk, and how many files it found."""
    begin, cpu = time.perf_counter(), time.process_time()
    listing = list_files(root)
    return {
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - cpu,
        "files": len(listing.paths),
    }


def _measure_alone(function: Callable[..., dict], *arguments: object) -> dict:
    """Runs a function in a new process; adds the peak memory of that process to its result."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_with_peak, (function, arguments))


def _with_peak(function: Callable[..., dict], arguments: tuple) -> dict:
    result = function(*arguments)
    return result | {"peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _write_plan(folder: Path, num_rows: int, num_classes: int) -> dict:
    """Leaves the plan in files: the memory that its making takes must not count later."""
    lines, paths = make_plan(num_rows, num_classes)
    (folder / "kinetics.csv").write_text("\n".join(lines) + "\n")
    (folder / "paths.txt").write_text("\n".join(paths))
    return {}


def _index_run(folder: Path) -> dict:
    return time_index(folder / "kinetics.csv", (folder / "paths.txt").read_text().split("\n"))


def measure(
    num_rows: int = ROWS, num_classes: int = CLASSES, num_files: int = REAL_FILES, repeats: int = 5
) -> dict:
    """Measures both parts.

    Returns:
        {"index": {"rows", "seconds", "cpu_seconds" (medians), "runs", "clips", "missing",
        "peak_megabytes"}, "walk": {"files", "seconds", "cpu_seconds", "runs", "peak_megabytes"},
        "walk_scaled_seconds": of `num_rows` files}.
    Raises:
        InputError: a number is below 1.
    """
    if min(num_rows, num_classes, num_files, repeats) < 1:
        raise InputError("the numbers of rows, classes, files and repeats must be at least 1.")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _measure_alone(_write_plan, folder, num_rows, num_classes)
        index = [_measure_alone(_index_run, folder) for _ in range(repeats)]
        _make_tree(folder / "tree", make_plan(num_files, num_classes, seed=1)[1])
        walk = [_measure_alone(time_walk, folder / "tree") for _ in range(repeats)]
    index, walk = _median(index) | {"rows": num_rows}, _median(walk)
    return {
        "index": index,
        "walk": walk,
        "walk_scaled_seconds": walk["seconds"] * num_rows / max(walk["files"], 1),
    }


def _make_tree(root: Path, paths: list[str]) -> None:
    for folder in {path.partition("/")[0] for path in paths}:
        (root / folder).mkdir(parents=True)
    for path in paths:
        (root / path).touch()


def _median(runs: list[dict]) -> dict:
    seconds = [run["seconds"] for run in runs]
    return runs[0] | {
        "seconds": statistics.median(seconds),
        "runs": seconds,
        "cpu_seconds": statistics.median(run["cpu_seconds"] for run in runs),
        "peak_megabytes": max(run["peak_megabytes"] for run in runs),
    }


def format_plan(result: dict) -> str:
    """A table, then what it means."""
    index, walk = result["index"], result["walk"]
    scaled = result["walk_scaled_seconds"]
    lines = [f"{'part':<24}{'rows/files':>12}{'seconds':>10}{'CPU s':>8}{'peak MB':>9}"]
    for name, number, part in (
        ("read and match the CSV", index["rows"], index),
        ("walk over a real tree", walk["files"], walk),
    ):
        lines.append(
            f"{name:<24}{number:>12,}{part['seconds']:>10.3f}{part['cpu_seconds']:>8.2f}"
            f"{part['peak_megabytes']:>9.0f}"
        )
    return "\n".join(
        lines
        + [
            f"{'walk, scaled (*)':<24}{index['rows']:>12,}{scaled:>10.3f}",
            f"{'both':<24}{index['rows']:>12,}{index['seconds'] + scaled:>10.3f}",
            f"seconds: median of {len(index['runs'])}; peak: of the whole process, the largest of "
            "the runs",
            f"found {index['clips']:,} clips, listed {index['missing']:,} rows without one",
            "(*) not run: the time on the real tree times the ratio of the files; local disk, "
            "warm caches",
        ]
    )


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_integer("rows", ROWS, "Rows of the CSV.")
    flags.DEFINE_integer("files", REAL_FILES, "Files of the real tree.")
    flags.DEFINE_integer("repeats", 5, "Timed runs of each; the median counts.")
    flags.DEFINE_string("output", None, "JSON to write (default: print only).")


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    result = measure(FLAGS.rows, num_files=FLAGS.files, repeats=FLAGS.repeats)
    print(format_plan(result))
    if FLAGS.output:
        write_json(FLAGS.output, result)
        print(f"wrote {FLAGS.output}")


if __name__ == "__main__":
    run_command(main, define_flags)
