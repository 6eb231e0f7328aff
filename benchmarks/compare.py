"""Time of comparing two detectors, at two sizes.

    python -m benchmarks.compare --output=compare.json
    python -m benchmarks.compare --share=0.05 --output=compare.json

The sizes are 300 videos with 10,000 resamples, and ActivityNet's (4,728 videos, 7,293 segments, 200
classes) with 1,000 resamples; both with 100 made-up detections a video and 10 tIoU thresholds.
--share takes this share of the resamples. CPU seconds are those of the process and its threads.
"""

import resource
import time
from collections.abc import Sequence

from absl import flags

from benchmarks.scoring_world import make_ground_truth, make_predictions
from bsp_tf.base.command_line import run_command
from bsp_tf.base.json_file import write_json
from bsp_tf.comparison.bootstrap import compare_runs

FLAGS = flags.FLAGS

# Name -> videos, segments, classes, resamples.
SIZES = {
    "300 videos": (300, 600, 20, 10_000),
    "ActivityNet": (4728, 7293, 200, 1_000),
}
DETECTIONS = 100


def time_comparison(videos: int, segments: int, classes: int, resamples: int) -> dict[str, float]:
    """Compares two made-up detectors; {"resamples", "seconds", "cpu_seconds", "peak_megabytes"}.

    The peak is that of the process so far.
    """
    truths = make_ground_truth(videos, segments, classes)
    runs = [make_predictions(truths, DETECTIONS * videos, seed) for seed in (1, 2)]
    begin, cpu_begin = time.perf_counter(), time.process_time()
    compare_runs(truths, runs[:1], runs[1:], num_resamples=resamples)
    return {
        "resamples": resamples,
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - cpu_begin,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_float(
        "share", 1.0, "Share of the resamples to draw.", lower_bound=0.01, upper_bound=1
    )
    flags.DEFINE_string("output", None, "Measurements to write, .json.", required=True)


def main(argv: Sequence[str]) -> None:
    """Runs the benchmark with the parsed flags."""
    del argv
    rows = {}
    print(f"{'size':<14}{'resamples':>10}{'seconds':>9}{'CPU s':>8}{'peak MB':>9}")
    for name, (*sizes, resamples) in SIZES.items():
        row = time_comparison(*sizes, max(100, round(FLAGS.share * resamples)))
        rows[name] = row
        print(
            f"{name:<14}{row['resamples']:>10,}{row['seconds']:>9.1f}{row['cpu_seconds']:>8.1f}"
            f"{row['peak_megabytes']:>9.0f}"
        )
    write_json(FLAGS.output, {"share": FLAGS.share, "rows": rows})


if __name__ == "__main__":
    run_command(main, define_flags)
