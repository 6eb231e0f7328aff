"""Makes the sample data: clips of ten action classes, annotated videos.

    python -m tfrecords_tools.make_sample --output=sample --seed=0 --workers=2

Writes `clips/{train,val}/<class>/*.mp4`, `videos/*.mp4`, `annotations.json` (ActivityNet's format
with the joints and distractors of each video) and `sample.json` (the settings). Classes differ in
how a figure moves and in nothing else. The same seed gives the same bytes, whatever the number of
workers. A run that was stopped goes on where it was.
"""

import concurrent.futures
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from multiprocessing import connection
from pathlib import Path
from typing import Any

from absl import flags
from tqdm import tqdm

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.interrupt import starting_processes
from bsp_tf.base.json_file import write_json
from bsp_tf.base.output_lock import lock_folder
from bsp_tf.base.settings import claim
from tfrecords_tools.sample_world.files import ClipPlan, make_file, plan_clip
from tfrecords_tools.sample_world.programs import ACTIONS
from tfrecords_tools.sample_world.videos import VideoPlan, describe, plan_videos
from tfrecords_tools.sample_world.world import FPS, HEIGHT, WIDTH

FLAGS = flags.FLAGS

WORLD_VERSION = 3  # raise it when the same seed gives other pixels or plans
# The second number of each seed, after the user's: no two subsets share random numbers.
_CLIP_SEEDS = {"train": 1, "val": 2}
# Subset of the annotations -> how it is called in file names, and its seed.
_SUBSETS = {"training": ("train", 3), "validation": ("val", 4), "testing": ("test", 5)}


def make_sample(
    output: str | os.PathLike,
    *,
    seed: int = 0,
    workers: int = 2,
    clips_per_class_train: int = 40,
    clips_per_class_validation: int = 12,
    videos_train: int = 48,
    videos_validation: int = 24,
    videos_test: int = 24,
) -> dict[str, Any]:
    """Writes the sample data; files that are there already are kept when the settings are the same.

    Returns:
        The settings written to `sample.json`.

    Raises:
        InputError: a number is out of range, or `output` holds a sample of other settings or other
            files.
    """
    settings = {
        "world_version": WORLD_VERSION,
        "seed": seed,
        "clips_per_class_train": clips_per_class_train,
        "clips_per_class_validation": clips_per_class_validation,
        "videos_train": videos_train,
        "videos_validation": videos_validation,
        "videos_test": videos_test,
    }
    for name, value, least in [
        ("seed", seed, 0),
        ("workers", workers, 1),
        *((name, value, 1) for name, value in settings.items() if name != "seed"),
    ]:
        if value < least:
            raise InputError(f"--{name}={value} is too small: give a number of at least {least}.")
    root = Path(output)
    with lock_folder(root):
        _claim(root, settings)
        numbers = (videos_train, videos_validation, videos_test)
        videos = [
            plan
            for (subset, (short, subset_seed)), count in zip(_SUBSETS.items(), numbers, strict=True)
            for plan in plan_videos(subset, short, count, (seed, subset_seed))
        ]
        counts = {"train": clips_per_class_train, "val": clips_per_class_validation}
        plans: list[ClipPlan | VideoPlan] = [*videos, *plan_clips(counts, seed)]
        waiting = [plan for plan in plans if not (root / plan.path).exists()]
        if waiting:
            _make_files(root, waiting, plans, workers)
        write_json(root / "annotations.json", describe(videos))
    return settings


def _claim(root: Path, settings: dict[str, int]) -> None:
    """Claims the folder; InputError if it holds something else."""
    path = root / "sample.json"
    if not path.exists() and any(
        (root / name).exists() for name in ("clips", "videos", "annotations.json")
    ):
        raise InputError(
            f"{root} holds clips, videos or annotations but no sample.json, so it is not a sample: "
            "choose another --output."
        )
    world = {"classes": list(ACTIONS), "width": WIDTH, "height": HEIGHT, "fps": FPS}
    claim(path, {"settings": settings, **world})
    # What a killed run was writing; such files never had their final name.
    for pattern in ("clips/*/*/.*.partial", "videos/.*.partial"):
        for partial in root.glob(pattern):
            partial.unlink(missing_ok=True)


def plan_clips(counts: dict[str, int], seed: int) -> list[ClipPlan]:
    """Plans of all clips; clip i has scene i in every class.

    Args:
        counts: clips per class in "train" and "val".
        seed: the user's.
    """
    return [
        plan_clip(
            f"clips/{subset}/{action}/{action}_{subset}_{index + 1:04d}.mp4",
            action,
            index,
            (seed, _CLIP_SEEDS[subset], number * 100_000 + index),
        )
        for subset, count in counts.items()
        for number, action in enumerate(ACTIONS)
        for index in range(count)
    ]


def _leave_with_parent() -> None:
    """Ends this worker when its parent is killed; it would wait for work for ever."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            connection.wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _run(root: Path, plans: Sequence[ClipPlan | VideoPlan], workers: int) -> Iterator[int]:
    """Makes the files and yields the number of frames of each as it is done."""
    if workers == 1:
        yield from (make_file(str(root), plan) for plan in plans)
        return
    with starting_processes():
        pool = concurrent.futures.ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), initializer=_leave_with_parent
        )
        jobs = [pool.submit(make_file, str(root), plan) for plan in plans]
    with pool:
        try:
            for job in concurrent.futures.as_completed(jobs):
                yield job.result()
        finally:
            # After an error the rest is not needed; after the last file there is none.
            pool.shutdown(wait=False, cancel_futures=True)


def _make_files(
    root: Path,
    waiting: Sequence[ClipPlan | VideoPlan],
    plans: Sequence[ClipPlan | VideoPlan],
    workers: int,
) -> None:
    total, left = (sum(plan.num_frames for plan in group) for group in (plans, waiting))
    if len(waiting) < len(plans):
        print(f"{len(plans) - len(waiting)} of {len(plans)} files are there already.")
    with tqdm(
        total=total, initial=total - left, unit="frame", desc="sample data", smoothing=0.05
    ) as bar:
        for num_frames in _run(root, waiting, workers):
            bar.update(num_frames)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string("output", "sample", "Folder to write.")
    flags.DEFINE_integer("seed", 0, "Seed of everything random.")
    flags.DEFINE_integer("workers", 2, "Processes that render and encode.")
    flags.DEFINE_integer("clips_per_class_train", 40, "Training clips of each class.")
    flags.DEFINE_integer("clips_per_class_validation", 12, "Validation clips of each class.")
    flags.DEFINE_integer("videos_train", 48, "Untrimmed training videos.")
    flags.DEFINE_integer("videos_validation", 24, "Untrimmed validation videos.")
    flags.DEFINE_integer("videos_test", 24, "Untrimmed test videos.")


def main(argv: Sequence[str]) -> None:
    """The command: reads the flags and makes the sample."""
    del argv
    make_sample(
        FLAGS.output,
        seed=FLAGS.seed,
        workers=FLAGS.workers,
        clips_per_class_train=FLAGS.clips_per_class_train,
        clips_per_class_validation=FLAGS.clips_per_class_validation,
        videos_train=FLAGS.videos_train,
        videos_validation=FLAGS.videos_validation,
        videos_test=FLAGS.videos_test,
    )
    print(
        f"sample data is complete in {FLAGS.output}: clips/train, clips/val, videos, "
        "annotations.json"
    )


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
