"""G-TAD's labels for all training videos of ActivityNet-1.3: seconds, and memory.

    python -m benchmarks.gtad_targets --output=targets.json \\
        --annotations=anet_anno_action.json,video_info_new.csv

Without --annotations, made-up ones of the same numbers: 9,649 videos, 14,859 segments. First the
labels of all videos are made, one by one in one process (start, end, the map of 100 x 100 anchors),
beside plain loops over anchors and segments on a few videos, whose labels must be the same. Then an
epoch of batches of 16 as training reads them: features [100, 400] of every video in memory, label
maps made for each batch. Needs no TensorFlow.
"""

import resource
import time
from collections.abc import Sequence

import numpy as np
from absl import flags
from ml_collections import ConfigDict

from bsp_tf.annotations.mended import load_annotations
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json
from bsp_tf.features.span import FeatureSpan
from bsp_tf.localization.heads.gtad.targets import video_targets
from bsp_tf.localization.heads.head import find_head
from bsp_tf.localization.training_data import LocalizationData

FLAGS = flags.FLAGS

VIDEOS, SEGMENTS, LENGTH, CHANNELS, BATCH = 9649, 14859, 100, 400, 16


def make_segments(videos: int) -> list[np.ndarray]:
    """Segments float64 [k, 2] in fractions, as many as ActivityNet has; the same each time."""
    rng = np.random.default_rng(0)
    counts = 1 + rng.binomial(4, (SEGMENTS / VIDEOS - 1) / 4, videos)
    return [np.sort(rng.uniform(0, 1, (count, 2)), axis=1) for count in counts]


def read_segments(path: str, subset: str) -> list[np.ndarray]:
    """Segments of all videos of a subset, fractions of what the public features cover.

    Raises:
        InputError: see load_annotations, or a video has no duration.
    """
    found = []
    for name, video in load_annotations(path, subset).items():
        covered = video.covered_seconds or video.duration_seconds
        if not covered:
            raise InputError(f"{path}: video {name!r} has no duration.")
        found.append(FeatureSpan(0.0, covered).fractions(video.segments))
    return found


def map_in_loops(segments: np.ndarray) -> np.ndarray:
    """The map of one video, anchor by anchor."""
    gap = 1.0 / LENGTH
    found = np.zeros((LENGTH, LENGTH), np.float32)
    for duration in range(LENGTH):
        for first in range(LENGTH - duration):
            begin = gap * first
            end = begin + gap * (duration + 1)
            for start, stop in segments.tolist():
                overlap = max(min(end, stop) - max(begin, start), 0.0)
                found[duration, first] = max(
                    found[duration, first], overlap / (end - begin - overlap + stop - start)
                )
    return found


def measure_labels(segments: list[np.ndarray], compared: int) -> dict:
    """Times the labels of all videos, and plain loops on the first ones.

    Returns:
        {"videos", "segments", "seconds", "loops_seconds", "ratio" (a video), "kept_megabytes"
        (segments), "maps_megabytes" (float32 maps, if they were kept)}.

    Raises:
        RuntimeError: the maps differ from those of the loops.
    """
    begin = time.perf_counter()
    for video in segments:
        video_targets(video, LENGTH, LENGTH)
    seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    loops = [map_in_loops(video) for video in segments[:compared]]
    loops_seconds = (time.perf_counter() - begin) / len(loops)
    for video, expected in zip(segments, loops, strict=False):
        difference = np.abs(video_targets(video, LENGTH, LENGTH)["map"] - expected).max()
        if difference > 1e-6:
            raise RuntimeError(
                f"the maps of the loops and of the arrays differ by {difference:.3g}."
            )
    return {
        "videos": len(segments),
        "segments": sum(map(len, segments)),
        "seconds": seconds,
        "loops_seconds": loops_seconds * len(segments),
        "ratio": loops_seconds * len(segments) / seconds,
        "kept_megabytes": sum(video.nbytes for video in segments) / 2**20,
        "maps_megabytes": len(segments) * LENGTH**2 * 4 / 2**20,
    }


def measure_epoch(segments: list[np.ndarray], channels: int) -> dict:
    """Times an epoch of batches with all features in memory.

    Returns:
        {"batches", "seconds", "features_megabytes", "process_peak_megabytes"}.
    """
    rng = np.random.default_rng(0)
    features = [rng.standard_normal((LENGTH, channels), np.float32) for _ in segments]
    config = ConfigDict({"num_segments": LENGTH, "max_duration": LENGTH, "windows": False})
    data = LocalizationData(
        find_head("gtad"),
        config,
        num_classes=1,
        video_ids=list(map(str, range(len(segments)))),
        features=features,
        segments=segments,
        labels=[np.zeros(len(video), np.int64) for video in segments],
        examples=[(video, 0) for video in range(len(segments))],
    )
    order = rng.permutation(len(segments))
    begin = time.perf_counter()
    batches = [
        data.batch(order[first : first + BATCH]).features.shape
        for first in range(0, len(order), BATCH)
    ]
    return {
        "batches": len(batches),
        "seconds": time.perf_counter() - begin,
        "features_megabytes": sum(array.nbytes for array in features) / 2**20,
        "process_peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measure(
    annotations: str = "",
    subset: str = "training",
    videos: int = VIDEOS,
    compared: int = 8,
    channels: int = CHANNELS,
) -> dict:
    """{"source", "labels": see `measure_labels`, "epoch": see `measure_epoch`}.

    Raises:
        InputError: a number below 1, or the annotations cannot be read.
    """
    for name, value in (("videos", videos), ("compared", compared), ("channels", channels)):
        if value < 1:
            raise InputError(f"--{name}={value}: give at least 1.")
    segments = read_segments(annotations, subset) if annotations else make_segments(videos)
    return {
        "source": annotations or "made up",
        "labels": measure_labels(segments, compared),
        "epoch": measure_epoch(segments, channels),
    }


def format_result(result: dict) -> str:
    """A table."""
    labels, epoch = result["labels"], result["epoch"]
    return "\n".join(
        [
            f"annotations: {result['source']}; {labels['videos']:,} videos, "
            f"{labels['segments']:,} segments",
            f"labels of all videos          {labels['seconds']:>8.1f} s   (plain loops: "
            f"{labels['loops_seconds']:,.0f} s, "
            f"ratio {labels['ratio']:.0f}, from a few videos)",
            f"kept of them                  {labels['kept_megabytes']:>8.1f} MB  (as float32 maps: "
            f"{labels['maps_megabytes']:.0f} MB)",
            f"an epoch of {epoch['batches']} batches      {epoch['seconds']:>8.1f} s   (features "
            "and labels, no network)",
            f"peak memory of the process    {epoch['process_peak_megabytes']:>8.0f} MB  (features: "
            f"{epoch['features_megabytes']:.0f} MB)",
        ]
    )


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string(
        "annotations", "", "Annotations; several files with commas (default: made up)."
    )
    flags.DEFINE_string("subset", "training", "Subset of the annotations.")
    flags.DEFINE_integer("videos", VIDEOS, "Made-up videos.")
    flags.DEFINE_integer("compared", 8, "Videos that the loops go through.")
    flags.DEFINE_integer("channels", CHANNELS, "Channels of the features.")
    flags.DEFINE_string("output", None, "JSON to write (default: print only).")


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    result = measure(FLAGS.annotations, FLAGS.subset, FLAGS.videos, FLAGS.compared, FLAGS.channels)
    print(format_result(result))
    if FLAGS.output:
        write_json(FLAGS.output, result)
        print(f"wrote {FLAGS.output}")


if __name__ == "__main__":
    run_command(main, define_flags)
