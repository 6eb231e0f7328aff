"""Time and memory of the scorer on predictions of ActivityNet's size, beside the official rule in plain loops.

    python -m benchmarks.scoring --output=scoring.json

The world is synthetic: 4,728 videos, 7,293 segments, 200 classes, 100 predictions a video (472,800), 10 tIoU
thresholds. To keep it short, the loops score 1/20 of the classes, whole, and their time is multiplied by the ratio of
the predictions: classes are scored one by one, so the rest would be more of the same. On that part both scorers must
agree. The loops are a yardstick that can be checked by eye, not the official program. Needs no TensorFlow.
"""

import resource
import statistics
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from absl import flags

from bsp_tf.base.atomic_file import write_json
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.detection_map import ACTIVITYNET_TIOU, detection_map
from bsp_tf.evaluation.ground_truth import Instances

FLAGS = flags.FLAGS

VIDEOS, SEGMENTS, CLASSES, PREDICTIONS_A_VIDEO = 4728, 7293, 200, 100
SUBSET = 20
TOLERANCE = 1e-9


def make_world(videos: int, segments: int, classes: int, predictions_a_video: int,
               seed: int = 0) -> tuple[Instances, Instances]:
    """Ground truth and predictions; as with real ones, a video has one class and its predictions name two.

    Half the predictions are a true segment of the video with moved ends, the others lie anywhere; scores are random,
    higher for the former, without ties.
    """
    rng = np.random.default_rng(seed)
    names = [f"video_{i}" for i in range(videos)], [f"class_{i}" for i in range(classes)]
    duration = rng.uniform(20, 235, videos)
    own_class = rng.permutation(np.arange(videos) % classes)
    video = np.sort(np.concatenate([np.arange(videos), rng.integers(0, videos, segments - videos)]))
    truth = np.sort(rng.uniform(0, 1, (segments, 2)), axis=1) * duration[video, np.newaxis]

    of_video = np.repeat(np.arange(videos), predictions_a_video)
    first, count = np.searchsorted(video, np.arange(videos)), np.bincount(video, minlength=videos)
    near = truth[first[of_video] + rng.integers(0, count[of_video])]
    near = near + rng.normal(0, 0.15, near.shape) * np.diff(near)
    anywhere = rng.uniform(0, 1, near.shape) * duration[of_video, np.newaxis]
    is_near, is_own = rng.random((2, len(of_video))) < 0.5
    segment = np.sort(np.where(is_near[:, np.newaxis], near, anywhere), axis=1)
    label = np.where(is_own, own_class[of_video], (own_class[of_video] + 1) % classes)
    score = rng.random(len(of_video)) * np.where(is_near & is_own, 1.0, 0.6)
    return Instances(*names, video, own_class[video], truth), Instances(*names, of_video, label, segment, score)


def of_classes(instances: Instances, count: int) -> Instances:
    """The instances of the first `count` classes."""
    keep = instances.label < count
    score = None if instances.score is None else instances.score[keep]
    return Instances(instances.video_names, instances.class_names[:count], instances.video[keep],
                     instances.label[keep], instances.segment[keep], score)


def score_in_loops(ground_truth: Instances, predictions: Instances, tiou: np.ndarray) -> dict[str, list[float]]:
    """The official rule, one prediction at a time; {class name: average precision at each threshold}."""
    truths, ranked = defaultdict(list), defaultdict(list)
    num_truths = np.bincount(ground_truth.label, minlength=len(ground_truth.class_names))
    for number, (video, label) in enumerate(zip(ground_truth.video, ground_truth.label, strict=True)):
        truths[video, label].append((number, *ground_truth.segment[number].tolist()))
    for number in np.argsort(-predictions.score, kind="stable"):
        ranked[predictions.label[number]].append(number)

    ap = {}
    for label in np.flatnonzero(num_truths):
        taken, hits = [set() for _ in tiou], [[] for _ in tiou]
        for number in ranked[label]:
            start, end = predictions.segment[number].tolist()
            candidates = []
            for truth, truth_start, truth_end in truths.get((predictions.video[number], label), ()):
                shared = max(0.0, min(end, truth_end) - max(start, truth_start))
                candidates.append((shared / ((end - start) + (truth_end - truth_start) - shared), truth))
            candidates.sort(reverse=True)
            for threshold, used, found in zip(tiou, taken, hits, strict=True):
                free = [truth for value, truth in candidates if value >= threshold and truth not in used]
                used.update(free[:1])
                found.append(bool(free))
        ap[ground_truth.class_names[label]] = [_area(found, num_truths[label]) for found in hits]
    return ap


def _area(hits: list[bool], num_truths: int) -> float:
    """Area under the precision-recall curve, its precision raised to the best at the same or a later rank."""
    best, area, true = 0.0, 0.0, sum(hits)
    for rank in range(len(hits), 0, -1):
        best = max(best, true / rank)
        area += best / num_truths if hits[rank - 1] else 0.0
        true -= hits[rank - 1]
    return area


def _cost(call: Callable[[], object], repeats: int) -> dict:
    """Median seconds of `repeats` calls, and the most memory that one more call holds at once beside its inputs."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"seconds": statistics.median(seconds), "runs": seconds, "peak_megabytes": peak / 2**20}


def measure(videos: int = VIDEOS, segments: int = SEGMENTS, classes: int = CLASSES,
            predictions_a_video: int = PREDICTIONS_A_VIDEO, repeats: int = 5) -> dict:
    """Times both scorers and compares them.

    Returns:
        {"ours", "ours_on_subset", "loops_on_subset": {"predictions", "seconds", "runs", "peak_megabytes"},
        "loops_scaled_seconds", "largest_difference" (of any AP of the subset's classes), "average_mAP",
        "process_peak_megabytes"}.

    Raises:
        InputError: `repeats` is below 1.
        RuntimeError: the scorers differ by more than TOLERANCE.
    """
    if repeats < 1:
        raise InputError(f"--repeats={repeats}: give at least 1.")
    world = make_world(videos, segments, classes, predictions_a_video)
    part = tuple(of_classes(instances, max(classes // SUBSET, 1)) for instances in world)
    ours = _cost(lambda: detection_map(*world), repeats) | {"predictions": len(world[1])}
    process_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ours_on_subset = _cost(lambda: detection_map(*part), repeats) | {"predictions": len(part[1])}
    loops = _cost(lambda: score_in_loops(*part, ACTIVITYNET_TIOU), repeats) | {"predictions": len(part[1])}

    scores = detection_map(*world)
    rows = dict(zip(scores.class_names, scores.ap, strict=True))
    expected = score_in_loops(*part, ACTIVITYNET_TIOU)
    difference = max(float(np.abs(rows[name] - ap).max()) for name, ap in expected.items())
    if difference > TOLERANCE:
        raise RuntimeError(f"the scorers differ by {difference:.3g} on 1/{SUBSET} of the classes.")
    return {"ours": ours, "ours_on_subset": ours_on_subset, "loops_on_subset": loops,
            "loops_scaled_seconds": loops["seconds"] * len(world[1]) / len(part[1]),
            "largest_difference": difference, "average_mAP": scores.average,
            "process_peak_megabytes": process_peak}


def format_costs(result: dict) -> str:
    """A table, then what it means."""
    lines = [f"{'scorer':<28}{'predictions':>12}{'seconds':>10}{'peak MB':>9}"]
    for name, key in (("detection_map", "ours"), ("detection_map, 1/20", "ours_on_subset"),
                      ("plain loops, 1/20", "loops_on_subset")):
        row = result[key]
        lines.append(f"{name:<28}{row['predictions']:>12,}{row['seconds']:>10.3f}{row['peak_megabytes']:>9.1f}")
    all_of_it = result["ours"]["predictions"]
    lines.append(f"{'plain loops, scaled (*)':<28}{all_of_it:>12,}{result['loops_scaled_seconds']:>10.3f}{'':>9}")
    same_part = result["loops_on_subset"]["seconds"] / result["ours_on_subset"]["seconds"]
    lines += [
        f"seconds: median of {len(result['ours']['runs'])}; peak: allocated by the call, without its inputs",
        "(*) not run: the time on 1/20 of the classes times the ratio of the predictions",
        f"{same_part:.0f} times faster on the same 1/20 (measured), "
        f"{result['loops_scaled_seconds'] / result['ours']['seconds']:.0f} times on all (scaled)",
        f"largest difference of an average precision of the 1/20: {result['largest_difference']:.1e}",
        f"peak of the process after scoring all: {result['process_peak_megabytes']:.0f} MB",
    ]
    return "\n".join(lines)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_integer("repeats", 5, "Timed runs of each; the median counts.")
    flags.DEFINE_string("output", None, "JSON to write (default: print only).")


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    result = measure(repeats=FLAGS.repeats)
    print(format_costs(result))
    if FLAGS.output:
        write_json(FLAGS.output, result)
        print(f"wrote {FLAGS.output}")


if __name__ == "__main__":
    run_command(main, define_flags)
