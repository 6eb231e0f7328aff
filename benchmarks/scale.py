"""Time and memory of everything that grows with the number of clips, without any pixels.

    python -m benchmarks.scale --clips=100000,1000000,10000000 --output=scale.json

Ten million clips are more than a measurement can convert. So the tables are made (`made_tables.py`)
and the programs' own functions use them, each stage in a process of its own:

- plan: a CSV list of pieces of videos is read, and the plan of the conversion is written;
- resume: `convert` finds every shard written, checks that no video has changed, and writes the
  manifest;
- done: `convert` once more: it reads the manifest;
- index: the index of the records is read;
- action order, boundary order: training starts, and 10,000 units are drawn: for the boundary task
  all but the decoding, for the action task their clips.

Videos hold `--clips_per_file` pieces each, as ten million files take long to make. With 1 the names
of as many files as clips are listed and kept while the list is read.
"""

import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import flags

from benchmarks.made_tables import LIST, VIDEOS, make_index, make_list, make_state
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json

FLAGS = flags.FLAGS

UNITS = 10_000


def run_plan(folder: Path, num_shards: int) -> Callable[[], int]:
    """Reads the list and writes the plan."""
    from tfrecords_tools.conversion.clip_encoder import EncodingOptions
    from tfrecords_tools.conversion.plan import ShardingOptions, adopt_plan
    from tfrecords_tools.inputs.clip_sources import InputSource, index_clips

    settings = vars(EncodingOptions()) | vars(ShardingOptions(num_shards))

    def run() -> int:
        index = index_clips(InputSource(str(folder / LIST), str(folder / VIDEOS)))
        return len(adopt_plan(folder / "records", index, settings).clips)

    return run


def run_convert(folder: Path, num_shards: int) -> Callable[[], int]:
    """Converts what is left, which is nothing."""
    from tfrecords_tools.conversion.plan import ShardingOptions
    from tfrecords_tools.convert import convert
    from tfrecords_tools.inputs.clip_sources import InputSource

    def run() -> int:
        source = InputSource(str(folder / LIST), str(folder / VIDEOS))
        sharding = ShardingOptions(num_shards)
        return convert(source, folder / "records", sharding=sharding)["num_clips"]

    return run


def run_index(folder: Path, num_shards: int) -> Callable[[], int]:
    """Reads the index of the records."""
    del num_shards
    from bsp_tf.records.folder import open_folder
    from bsp_tf.records.index import load_index

    return lambda: len(load_index(open_folder(folder / "records")).label)


def run_action_order(folder: Path, num_shards: int) -> Callable[[], int]:
    """Draws clips in the order of action training."""
    del num_shards
    import tensorflow as tf

    from bsp_tf.clips.clip_order import ActionOrder, parallel_map
    from bsp_tf.clips.source import open_source

    def run() -> int:
        order = ActionOrder(open_source(folder / "records").index, seed=0, shuffle=True)
        drawn = parallel_map(tf.data.Dataset.range(UNITS), order).as_numpy_iterator()
        return len({int(clip) for (clip,) in drawn})

    return run


def run_boundary_order(folder: Path, num_shards: int) -> Callable[[], int]:
    """Plans the quads of boundary training and reads their frames, which are empty here."""
    del num_shards
    import tensorflow as tf

    from bsp_tf.clips.clip_order import parallel_map
    from bsp_tf.clips.samples import boundary_units
    from configs import base

    def run() -> int:
        config = base.get_config()
        config.task, config.data.train_dir = "boundary", str(folder / "records")
        units = boundary_units(config, "train", seed=0)

        def read(number: tf.Tensor) -> tf.Tensor:
            plan = units.plan(number)
            return units.reader(plan["rows"], plan["frames"])

        quads = parallel_map(tf.data.Dataset.range(UNITS), read)
        return sum(1 for _ in quads.as_numpy_iterator())

    return run


STAGES = {
    "plan": run_plan,
    "resume": run_convert,
    "done": run_convert,
    "index": run_index,
    "action order": run_action_order,
    "boundary order": run_boundary_order,
}


def measure(
    sizes: Sequence[int], folder: Path, clips_per_file: int = 100, clips_per_shard: int = 250
) -> list[dict]:
    """Measures all stages at all sizes.

    Args:
        sizes: numbers of clips, each at least 1, ascending.
        folder: for the tables, 0.6 KB a clip; those of a size are removed after it.
        clips_per_file: pieces that each video holds.
        clips_per_shard: clips that each shard holds, about.
    Returns:
        A row for each stage and size: {"stage", "clips", "seconds", "cpu_seconds",
        "peak_megabytes" (of the whole process), "bytes_per_clip" (what the peak has above the
        process before the stage), "found" (what the stage counted)}.
    Raises:
        InputError: a number is below 1.
    """
    if not sizes or min(*sizes, clips_per_file, clips_per_shard) < 1:
        raise InputError("--clips, --clips_per_file and --clips_per_shard must be at least 1.")
    rows = []
    for num_clips in sizes:
        place = folder / str(num_clips)
        place.mkdir()
        num_shards = -(-num_clips // clips_per_shard)
        _alone(make_list, place, num_clips, clips_per_file)
        for stage in STAGES:
            rows.append(
                {"stage": stage, "clips": num_clips} | _alone(_run, stage, place, num_shards)
            )
            print(format_rows(rows[-1:]).splitlines()[-1], flush=True)
            if stage == "plan":
                _alone(make_state, place, place / "records", num_clips, num_shards)
            if stage == "done":
                _alone(make_index, place / "records", num_clips, num_shards)
        shutil.rmtree(place)
    return rows


def _alone(function: Callable, *arguments: object) -> dict:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def _run(stage: str, folder: Path, num_shards: int) -> dict:
    run = STAGES[stage](folder, num_shards)
    before, begin, cpu = _megabytes("VmRSS"), time.perf_counter(), time.process_time()
    found = run()
    peak = _megabytes("VmHWM")
    return {
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - cpu,
        "peak_megabytes": peak,
        "bytes_per_clip": (peak - before) * 1e6 / int(folder.name),
        "found": found,
    }


def _megabytes(field: str) -> float:
    """Memory of this process by /proc, which counts nothing of the process that started it."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024 / 1e6


def format_rows(rows: Sequence[dict]) -> str:
    """A table; growth is that of the CPU time and of the memory from the size before."""
    lines = [
        f"{'stage':<16}{'clips':>12}{'seconds':>10}{'CPU s':>10}{'peak MB':>10}{'bytes/clip':>12}"
        f"{'CPU s x':>9}{'peak x':>9}"
    ]
    before: dict[str, dict] = {}
    for row in rows:
        line = (
            f"{row['stage']:<16}{row['clips']:>12,}{row['seconds']:>10.1f}{row['cpu_seconds']:>10.1f}"
            f"{row['peak_megabytes']:>10,.0f}{row['bytes_per_clip']:>12,.0f}"
        )
        if row["stage"] in before:
            for name in ("cpu_seconds", "peak_megabytes"):
                line += f"{row[name] / before[row['stage']][name]:>9.1f}"
        before[row["stage"]] = row
        lines.append(line)
    return "\n".join(lines)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_list("clips", ["100000", "1000000"], "Numbers of clips, ascending.")
    flags.DEFINE_integer("clips_per_file", 100, "Pieces that each video holds.")
    flags.DEFINE_integer("clips_per_shard", 250, "Clips in a shard.")
    flags.DEFINE_string("folder", None, "For the tables (default: a temporary folder).")
    flags.DEFINE_string("output", None, "JSON to write (default: print only).")


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    if not all(number.isdecimal() for number in FLAGS.clips):
        raise InputError(f"--clips={','.join(FLAGS.clips)}: give numbers, as 100000,1000000.")
    with tempfile.TemporaryDirectory(dir=FLAGS.folder) as folder:
        rows = measure(
            sorted(map(int, FLAGS.clips)), Path(folder), FLAGS.clips_per_file, FLAGS.clips_per_shard
        )
    print(format_rows(rows))
    if FLAGS.output:
        write_json(FLAGS.output, rows)
        print(f"wrote {FLAGS.output}")


if __name__ == "__main__":
    run_command(main, define_flags)
