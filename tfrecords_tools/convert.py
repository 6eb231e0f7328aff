"""Converts videos to TFRecords that DMVR and the TF Model Garden read.

    python -m tfrecords_tools.convert --input=clips/train --output=records/train --workers=2

Input is a folder per class (`clips/train/<class>/*.mp4`), a folder of videos without labels, or a
file that names clips in the folder --videos: a Kinetics CSV, a CSV with the columns
`video_path[,start,end][,label]`, a list of lines `path label`, or ActivityNet annotations. The
suffix and the first line of the file say which of them it is (--input_form overrides that):

    python -m tfrecords_tools.convert --input=kinetics-400_val.csv --videos=kinetics/val \\
        --output=records/val --short_side=256 --jpeg_quality=95 --labels=records/train/labels.txt

Output: `clips-00000-of-00008` ..., `labels.txt` (one class per line; the line number, from 0, is
the class index), `manifest.json` (flags, versions, counts, sizes, checksums) and `failures.csv`
(path, reason, seconds).

Same inputs, flags and library versions give the same bytes, whatever the number of workers. A
killed run continues with the next clip when the same command is given again; clips that failed are
tried again with --retry_failures. A clip that crashes the decoder or hangs costs its worker process
only. Exit status: 0 all converted; 3 done, but some clips failed or were missing, see failures.csv;
2 bad input, no space, or more failures than --max_failures.
"""

import dataclasses
import os
import sys
from collections.abc import Sequence
from typing import Any

from absl import flags
from tqdm import tqdm

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import without_secrets
from bsp_tf.base.labels_file import write_label_file
from bsp_tf.base.output_lock import lock_output
from bsp_tf.base.remote_path import AnyPath, given_path, is_url
from bsp_tf.base.settings import refuse_other_settings, refuse_output_inside
from bsp_tf.beam.pipelines import define_runner_flags, refuse_servers
from bsp_tf.records.schema import LABELS_FILE
from tfrecords_tools.conversion.beam_runner import BeamPool
from tfrecords_tools.conversion.clip_encoder import LONG_CLIPS, MAX_RECORD_BYTES, EncodingOptions
from tfrecords_tools.conversion.clip_results import ClipResult
from tfrecords_tools.conversion.failure_list import FAILURES_FILE, FailureList, failure_limit
from tfrecords_tools.conversion.job import Conversion
from tfrecords_tools.conversion.manifest import finished_manifest, write_manifest
from tfrecords_tools.conversion.plan import ShardingOptions, adopt_plan, plan_digest
from tfrecords_tools.conversion.shard_writer import ShardSummary
from tfrecords_tools.conversion.worker_pool import WorkerPool
from tfrecords_tools.inputs.clip_sources import (
    InputSource,
    define_input_flags,
    index_clips,
    source_from_flags,
)

FLAGS = flags.FLAGS

SOME_FAILED_STATUS = 3
STALL_SECONDS = 60.0


def convert(
    source: InputSource | str | os.PathLike,
    output: AnyPath,
    *,
    options: EncodingOptions | None = None,
    sharding: ShardingOptions | None = None,
    workers: int = 1,
    max_failures: str | None = None,
    retry_failures: bool = False,
    stall_seconds: float = STALL_SECONDS,
    runner: str = "local",
    beam_options: str = "",
) -> dict[str, Any]:
    """Converts clips to shards; continues what an earlier call began.

    Args:
        source: what to convert; a path stands for InputSource(path).
        output: folder of the shards, here or in a bucket.
        options: how frames are stored; None: the defaults.
        sharding: which clips go together; None: the defaults.
        workers: number of processes; it changes nothing in the output.
        max_failures: stop when more clips than this fail: "20", or "5%" of all clips; None: never.
        retry_failures: try the clips again that failed in an earlier call.
        stall_seconds: a clip that gives no frame for this long has failed.
        runner: who does the work, "local" or "beam"; it changes nothing in the output.
        beam_options: Beam's pipeline options, see `beam_runner.BeamPool`.
    Returns:
        The manifest as written to manifest.json.
    Raises:
        InputError: bad input, an output folder with records of other input or flags or in use by
            another run, no space, too many failures.
    """
    options, sharding = options or EncodingOptions(), sharding or ShardingOptions()
    source = source if isinstance(source, InputSource) else InputSource(os.fspath(source))
    output = given_path(output)
    if runner == "beam":
        refuse_servers(output, source.videos, source.input)
    if is_url(source.input) or os.path.isdir(source.input):
        refuse_output_inside(output, source.input)
    index = index_clips(source)
    for warning in index.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    with lock_output(output) as local:
        settings = {**dataclasses.asdict(options), **dataclasses.asdict(sharding)}
        index = adopt_plan(output, index, settings)
        # In the cache there may be results of another plan.
        results = None if local == output else local / plan_digest(index, settings)[:16]
        limit = failure_limit(max_failures, len(index.clips) + len(index.missing))
        conversion = Conversion(index, output, options, sharding, results)
        refuse_other_settings(
            output, [f"{path} was another file" for path in sorted(conversion.replaced())[:1]]
        )
        manifest = finished_manifest(output)
        if manifest is not None and not (
            retry_failures and manifest["num_failures"] > manifest["num_missing"]
        ):
            print(
                f"already done: {manifest['num_clips']} clips in {manifest['num_shards']} shards "
                f"in {output}"
            )
            return manifest
        write_label_file(output / LABELS_FILE, index.labels)
        if retry_failures:
            print(f"trying again: {conversion.retry_failures()} clips that failed before")
            conversion = Conversion(index, output, options, sharding, results)
        pool: WorkerPool | BeamPool
        if runner == "beam":
            pool = BeamPool(workers, conversion.worker_settings, stall_seconds, beam_options)
        else:
            pool = WorkerPool(workers, conversion.worker_settings, stall_seconds)
        failures = FailureList(output, index.missing, conversion.failures(), limit)
        shards = _run(conversion, pool, failures, len(index.clips))
        flag_values = {
            **{
                name: without_secrets(value) if isinstance(value, str) else value
                for name, value in dataclasses.asdict(source).items()
            },
            **dataclasses.asdict(options),
            **dataclasses.asdict(sharding),
        }
        return write_manifest(output, index, shards, flag_values)


def _run(
    conversion: Conversion, pool: WorkerPool | BeamPool, failures: FailureList, num_clips: int
) -> list[ShardSummary]:
    """Brings the conversion to its end, with a progress bar; stops when too much fails."""
    if conversion.num_done:
        print(f"continuing: {conversion.num_done} of {num_clips} clips were done before")
    failures.stop_if_too_many()
    with tqdm(total=num_clips, initial=conversion.num_done, desc="convert", unit="clip") as bar:

        def on_clip(result: ClipResult) -> None:
            bar.update()
            if result.reason:
                failures.clips.append(result)
                bar.set_postfix(failed=len(failures.clips), refresh=False)
                failures.stop_if_too_many()

        shards = conversion.run(pool, on_clip)
    failures.write()
    return shards


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    define_input_flags()
    flags.DEFINE_string("output", None, "Folder for the shards.", required=True)
    flags.DEFINE_integer(
        "workers", os.cpu_count() or 1, "Processes, also of Beam's DirectRunner.", lower_bound=1
    )
    flags.DEFINE_integer(
        "num_shards", None, "Number of shards; never more than clips.", lower_bound=1
    )
    flags.DEFINE_float(
        "shard_megabytes",
        None,
        "Size of a shard in MB instead of their number, estimated from the first 64 clips "
        "(default: 256 MB, but at least 8 shards).",
        lower_bound=0.001,
    )
    flags.DEFINE_integer("shuffle_seed", 0, "Seed of the order of the clips.", lower_bound=0)
    flags.DEFINE_integer(
        "short_side",
        256,
        "Shorter side of stored frames in pixels; smaller ones are not enlarged; 0 keeps every "
        "size.",
        lower_bound=0,
    )
    flags.DEFINE_integer("jpeg_quality", 95, "1 to 100.", lower_bound=1, upper_bound=100)
    flags.DEFINE_float(
        "fps", 0.0, "Frames per second to store; 0 keeps every frame.", lower_bound=0.0
    )
    flags.DEFINE_integer("min_frames", 2, "Clips with fewer frames are failures.", lower_bound=1)
    flags.DEFINE_integer(
        "max_frames",
        1000,
        "The most frames of one record; a record also holds at most "
        f"{MAX_RECORD_BYTES / 1e6:.0f} MB of JPEG.",
        lower_bound=1,
    )
    flags.DEFINE_enum(
        "long_clips",
        LONG_CLIPS[0],
        LONG_CLIPS,
        "What is made of a clip longer than that: split: several records, whose timestamps "
        "continue; cut: its beginning; skip: a failure.",
    )
    flags.DEFINE_string(
        "max_failures",
        None,
        "Stop when more clips than this fail or are missing: a number, or a share such as 5% "
        "(default: never).",
    )
    flags.DEFINE_boolean(
        "retry_failures", False, "Try the clips again that failed in an earlier run."
    )
    flags.DEFINE_float(
        "stall_seconds",
        STALL_SECONDS,
        "A clip that gives no frame for this many seconds has failed.",
        lower_bound=1.0,
    )
    define_runner_flags()


def main(argv: Sequence[str]) -> int:
    """Reads the flags, converts, prints what was done, and returns the exit status."""
    del argv
    options = EncodingOptions(
        short_side=FLAGS.short_side,
        fps=FLAGS.fps,
        jpeg_quality=FLAGS.jpeg_quality,
        min_frames=FLAGS.min_frames,
        max_frames=FLAGS.max_frames,
        long_clips=FLAGS.long_clips,
    )
    sharding = ShardingOptions(FLAGS.num_shards, FLAGS.shard_megabytes, FLAGS.shuffle_seed)
    manifest = convert(
        source_from_flags(),
        FLAGS.output,
        options=options,
        sharding=sharding,
        workers=FLAGS.workers,
        max_failures=FLAGS.max_failures,
        retry_failures=FLAGS.retry_failures,
        stall_seconds=FLAGS.stall_seconds,
        runner=FLAGS.runner,
        beam_options=FLAGS.beam_options,
    )
    num_bytes = sum(shard["num_bytes"] for shard in manifest["shards"])
    print(
        f"{manifest['num_clips']} clips ({manifest['num_frames']} frames) of "
        f"{manifest['num_labels']} classes in {manifest['num_shards']} shards, "
        f"{num_bytes / 1e6:.1f} MB"
    )
    if manifest["num_failures"]:
        print(
            f"{manifest['num_failures']} of {manifest['num_inputs']} clips could not be "
            f"converted: see {given_path(FLAGS.output) / FAILURES_FILE}",
            file=sys.stderr,
        )
        return SOME_FAILED_STATUS
    return 0


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
