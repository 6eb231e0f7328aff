"""Time and memory of the scorers at ActivityNet's size, beside the official rules in plain loops.

    python -m benchmarks.scoring --output=scoring.json
    python -m benchmarks.scoring --ground_truth=activitynet.json --subset=validation --whole \\
        --output=scoring.json

Detections: 490,000 made-up ones, half of them near a true segment, with scores that have no ties;
10 tIoU thresholds. They are scored against real annotations (--ground_truth), or against made-up
ones of ActivityNet's size (4,728 videos, 7,293 segments, 200 classes).
`benchmarks/scoring_loops.py` says what the plain loops are. The slow ones get a twentieth of the
classes (for recall: of the videos), whole, and their time is multiplied by the ratio of the
predictions, because classes and videos are gone through one by one; --whole runs them on
everything. Both must give our numbers to 1e-9. The last rows are ours with --scale times as many
predictions, and the command as a process of its own: reading JSON, scoring, its peak of resident
memory. pandas is needed for one row; it is left out where pandas is not installed.
"""

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.scoring_loops import map_in_frames, map_in_loops, recall_in_loops
from benchmarks.scoring_world import make_ground_truth, make_predictions, part_of
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json
from bsp_tf.evaluation.detection_map import detection_map
from bsp_tf.evaluation.ground_truth import Instances, load_ground_truth
from bsp_tf.evaluation.proposal_recall import proposal_recall
from bsp_tf.evaluation.thresholds import ACTIVITYNET_TIOU

FLAGS = flags.FLAGS

VIDEOS, SEGMENTS, CLASSES, PREDICTIONS = 4728, 7293, 200, 490_000
PART = 20
TOLERANCE = 1e-9
# The process that is measured reports its own peak: a child inherits the parent's as its lower
# bound.
_CHILD = """
import resource, runpy, sys
sys.argv[0] = "bsp_tf.evaluate"
try:
    runpy.run_module("bsp_tf.evaluate", run_name="__main__")
finally:
    peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")][0].split()[1]
    print("peak", peak, file=sys.stderr)
"""


def _cost(call: Callable[[], object], repeats: int, predictions: Instances) -> dict:
    """Median seconds of `repeats` calls, and the memory that one more call needs at most."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "predictions": len(predictions),
        "seconds": statistics.median(seconds),
        "runs": seconds,
        "peak_megabytes": peak / 2**20,
    }


def _once(call: Callable[[], object], predictions: Instances) -> tuple[dict, object]:
    begin = time.perf_counter()
    result = call()
    return {"predictions": len(predictions), "seconds": time.perf_counter() - begin}, result


def _check(name: str, ours: np.ndarray, others: np.ndarray) -> float:
    difference = float(np.abs(ours - others).max())
    if difference > TOLERANCE:
        raise RuntimeError(f"{name}: the scorers differ by {difference:.3g}.")
    return difference


def measure(
    ground_truth: Instances,
    num_predictions: int = PREDICTIONS,
    repeats: int = 5,
    scale: int = 10,
    whole: bool = False,
) -> dict:
    """Times all scorers and compares their numbers.

    Returns:
        {"rows": {name: {"predictions", "seconds", ...}}, "times_faster": {name of a plain one: by
        how much ours is faster on the same input}, "times_faster_scaled": the same, estimated for
        all predictions where only a part was run, "growth": {"predictions", "seconds"} (ratios),
        "largest_difference", "average_mAP", "AUC"}.

    Raises:
        InputError: `repeats` is below 1.
        RuntimeError: scorers differ by more than TOLERANCE.
    """
    if repeats < 1:
        raise InputError(f"--repeats={repeats}: give at least 1.")
    tiou = ACTIVITYNET_TIOU
    world = ground_truth, make_predictions(ground_truth, num_predictions)
    many = make_predictions(ground_truth, num_predictions * scale)
    rows = {
        "detection_map": _cost(lambda: detection_map(*world), repeats, world[1]),
        f"detection_map, x{scale}": _cost(lambda: detection_map(ground_truth, many), repeats, many),
        "proposal_recall": _cost(lambda: proposal_recall(*world), repeats, world[1]),
        f"proposal_recall, x{scale}": _cost(
            lambda: proposal_recall(ground_truth, many), repeats, many
        ),
        "python -m bsp_tf.evaluate": measure_command(*world),
    }
    faster, scaled, difference = {}, {}, 0.0

    plain = [("detection_map", "map in plain loops", map_in_loops, "label", True)]
    if importlib.util.find_spec("pandas"):
        plain.append(("detection_map", "map in pandas rows", map_in_frames, "label", whole))
    plain.append(("proposal_recall", "recall in plain loops", recall_in_loops, "video", whole))
    for ours, name, call, column, is_whole in plain:
        bound = len(ground_truth.class_names if column == "label" else ground_truth.video_names)
        part = (
            world
            if is_whole
            else tuple(part_of(instances, column, max(bound // PART, 1)) for instances in world)
        )
        rows[name], result = _once(lambda call=call, part=part: call(*part, tiou), part[1])
        own = rows[ours]
        if not is_whole:
            own = rows[f"{ours}, 1/{PART}"] = _cost(
                lambda ours=ours, part=part: {
                    "detection_map": detection_map,
                    "proposal_recall": proposal_recall,
                }[ours](*part),
                repeats,
                part[1],
            )
            scaled[name] = (
                rows[name]["seconds"] * num_predictions / len(part[1]) / rows[ours]["seconds"]
            )
        faster[name] = rows[name]["seconds"] / own["seconds"]
        if column == "label":
            scores = detection_map(*part)
            expected = np.array(
                [result.get(name, [0.0] * len(tiou)) for name in scores.class_names]
            )
            difference = max(difference, _check(name, scores.ap, expected))
        else:
            difference = max(difference, _check(name, proposal_recall(*part).recall, result))
    growth = {
        key: rows[f"detection_map, x{scale}"][key] / rows["detection_map"][key]
        for key in ("predictions", "seconds")
    }
    return {
        "rows": rows,
        "times_faster": faster,
        "times_faster_scaled": scaled,
        "growth": growth,
        "largest_difference": difference,
        "average_mAP": detection_map(*world).average,
        "AUC": proposal_recall(*world).area,
        "ground_truths": len(ground_truth),
    }


def measure_command(ground_truth: Instances, predictions: Instances) -> dict:
    """Seconds and peak of resident memory of the command, from files to the printed table."""
    with tempfile.TemporaryDirectory() as folder:
        truths, found = Path(folder) / "ground_truth.json", Path(folder) / "predictions.json"
        truths.write_text(
            json.dumps(
                {
                    "database": {
                        name: {"subset": "validation", "annotations": rows}
                        for name, rows in _by_video(ground_truth).items()
                    }
                }
            )
        )
        found.write_text(json.dumps({"results": _by_video(predictions)}))
        begin = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, "-c", _CHILD, f"--ground_truth={truths}", f"--predictions={found}"],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds = time.perf_counter() - begin
    peak = next(line for line in ended.stderr.splitlines() if line.startswith("peak"))
    return {
        "predictions": len(predictions),
        "seconds": seconds,
        "process_peak_megabytes": int(peak.split()[1]) / 1024,
    }


def _by_video(instances: Instances) -> dict[str, list[dict]]:
    rows = {name: [] for name in instances.video_names}
    scores = [None] * len(instances) if instances.score is None else instances.score.tolist()
    for video, label, segment, score in zip(
        instances.video, instances.label, instances.segment.tolist(), scores, strict=True
    ):
        row = {"label": instances.class_names[label], "segment": segment}
        rows[instances.video_names[video]].append(row if score is None else {**row, "score": score})
    return rows


def format_costs(result: dict) -> str:
    """A table, then what it means."""
    lines = [f"{'scorer':<28}{'predictions':>12}{'seconds':>10}{'peak MB':>9}"]
    for name, row in result["rows"].items():
        peak = row.get("peak_megabytes", row.get("process_peak_megabytes"))
        lines.append(
            f"{name:<28}{row['predictions']:>12,}{row['seconds']:>10.3f}"
            + (f"{peak:>9.0f}" if peak is not None else "")
        )
    lines.append(
        "seconds: ours median of several runs, plain ones and the command once; peak: allocated "
        "by the call without its inputs, for the command the whole process"
    )
    for name, times in result["times_faster"].items():
        more = (
            f", {result['times_faster_scaled'][name]:.0f} times on all (scaled)"
            if (name in result["times_faster_scaled"])
            else ""
        )
        lines.append(
            f"ours against {name}: {times:.0f} times faster on the same input (measured){more}"
        )
    growth = result["growth"]
    lines += [
        f"{growth['predictions']:.0f} times the predictions take {growth['seconds']:.1f} times as "
        "long",
        "largest difference of an AP or a recall from the plain ones: "
        f"{result['largest_difference']:.1e}",
    ]
    return "\n".join(lines)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string(
        "ground_truth", None, "Annotations; default: made-up ones of ActivityNet's size."
    )
    flags.DEFINE_string("subset", "validation", "Subset of --ground_truth.")
    flags.DEFINE_integer("predictions", PREDICTIONS, "How many.", lower_bound=100)
    flags.DEFINE_integer("scale", 10, "How many times as many in the last rows.", lower_bound=1)
    flags.DEFINE_integer("repeats", 5, "Timed runs of ours; the median counts.")
    flags.DEFINE_bool("whole", False, "Run the slow loops on everything (minutes).")
    flags.DEFINE_string("output", None, "JSON to write (default: print only).")


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    truths = (
        load_ground_truth(FLAGS.ground_truth, FLAGS.subset)
        if FLAGS.ground_truth
        else make_ground_truth(VIDEOS, SEGMENTS, CLASSES)
    )
    result = measure(truths, FLAGS.predictions, FLAGS.repeats, FLAGS.scale, FLAGS.whole)
    print(format_costs(result))
    if FLAGS.output:
        write_json(FLAGS.output, result)
        print(f"wrote {FLAGS.output}")


if __name__ == "__main__":
    run_command(main, define_flags)
