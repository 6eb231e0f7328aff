"""Shows what a folder of records holds and checks that it is sound.

    python -m tfrecords_tools.inspect --records=records/train

prints counts, statistics of duration, frame rate and size, and clips per class, and draws a contact
sheet (`records/train/contact_sheet.png`).

    python -m tfrecords_tools.inspect --records=records/train --verify --jpeg_stride=1

checks that all shards of manifest.json are there, with their records, bytes and SHA-256; that every
record agrees with its checksums and the schema; that no clip is there twice; and that the JPEGs can
be decoded (every n-th, or with --jpeg_stride=1 every one). Each fault is a line that
names the shard, the offset in it and the key of the record. Without --verify all but the JPEGs is
checked, too. Exit status: 0 sound; 3 faults found; 2 bad input.
"""

# This folder has no __init__.py on purpose. A command that runs by the path of its file has
# tfrecords_tools/ first among its import paths: `inspect` there, as a module or as a package with
# __init__.py, would take the place of the standard library's.

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags
from tqdm import tqdm

from bsp_tf.base.command_line import run_command
from bsp_tf.base.output_files import check_suffix
from tfrecords_tools.inspection.contact_sheet import choose_clips, write_contact_sheet
from tfrecords_tools.inspection.folder_check import FolderReport, check_folder, find_shards
from tfrecords_tools.inspection.record_statistics import statistics_text

FLAGS = flags.FLAGS

FAULTS_STATUS = 3
CONTACT_SHEET_FILE = "contact_sheet.png"
CLIPS_ON_SHEET = 24


def verify(folder: str | os.PathLike, jpeg_stride: int = 10, workers: int = 1) -> FolderReport:
    """Reads and checks a folder of records, with a progress bar.

    Args:
        folder: output of `tfrecords_tools.convert`.
        jpeg_stride: every n-th JPEG of a clip is decoded, the first one always; 0: none.
        workers: number of processes.
    Returns:
        FolderReport; sound if it has no faults.
    Raises:
        InputError: see `folder_check.check_folder`.
    """
    total = sum(path.stat().st_size for path in find_shards(folder))
    with tqdm(total=total, desc="read", unit="B", unit_scale=True) as bar:
        return check_folder(folder, jpeg_stride, workers, bar.update)


def print_faults(report: FolderReport) -> None:
    """Prints a line per fault on stdout: it is what the command is asked for."""
    for fault in report.faults:
        print(f"FAULT {fault}")


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string("records", None, "Folder of the shards.", required=True)
    flags.DEFINE_bool(
        "verify", False, "Check JPEGs, too, and say what is unsound, instead of statistics."
    )
    flags.DEFINE_integer(
        "jpeg_stride",
        10,
        "With --verify: decode the first and every n-th JPEG of each clip; 1: all; 0: none.",
        lower_bound=0,
    )
    flags.DEFINE_string(
        "contact_sheet",
        None,
        f"PNG to draw without --verify; by default {CONTACT_SHEET_FILE} in --records.",
    )
    flags.DEFINE_integer("workers", os.cpu_count() or 1, "Processes.", lower_bound=1)


def main(argv: Sequence[str]) -> int:
    """Reads the flags, reads the records, prints what it found, and returns the exit status."""
    del argv
    if FLAGS.contact_sheet:
        check_suffix("contact_sheet", FLAGS.contact_sheet, (".png",))
    report = verify(FLAGS.records, FLAGS.jpeg_stride if FLAGS.verify else 0, FLAGS.workers)
    if not FLAGS.verify:
        print(statistics_text(report.clips, report.labels, len(report.shards)))
        sheet = FLAGS.contact_sheet or Path(FLAGS.records, CONTACT_SHEET_FILE)
        write_contact_sheet(sheet, FLAGS.records, choose_clips(report.clips, CLIPS_ON_SHEET))
        print(f"\ncontact sheet: {sheet}")
    print_faults(report)
    num_records = sum(shard.num_records for shard in report.shards)
    num_jpegs = sum(shard.num_jpegs for shard in report.shards)
    read = f"{num_records} records in {len(report.shards)} shards read"
    if FLAGS.verify:
        read += f", {num_jpegs} of {sum(clip.num_frames for clip in report.clips)} JPEGs decoded"
    if report.faults:
        number = len(report.faults)
        print(
            f"{read}: {number} fault{'s' * (number != 1)}. Delete the shards named above and run "
            "the same convert command again: it writes what is missing.",
            file=sys.stderr,
        )
        return FAULTS_STATUS
    print(
        f"{read}: no fault found"
        + ("" if FLAGS.verify else " (JPEGs were not decoded; --verify does)")
    )
    return 0


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
