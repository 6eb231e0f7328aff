"""Score maps to detections: against plain Python loops, and of a whole validation set.

    python -m benchmarks.detections --output=detections.json

The maps are synthetic (a few smooth bumps a boundary, noise, T = D = 100): some hundred to two
thousand candidates a video. The loops go through cells and candidates one by one, as the reference
implementation does, and yield the same lists, which is checked; they run on a few videos, ours on
the same ones. Then 4,728 videos, as many as ActivityNet-1.3 has for validation, go from maps to a
file of labelled detections in one process, 64 at a time; making the maps is not counted. Needs no
TensorFlow.
"""

import hashlib
import math
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json
from bsp_tf.localization.detection_file import write_detections
from bsp_tf.localization.fusion import make_detections
from bsp_tf.localization.heads.gtad.decode import decode_proposals
from bsp_tf.localization.nms import GAUSSIAN_WIDTH, MAX_PROPOSALS, Suppression, suppress

FLAGS = flags.FLAGS

VIDEOS, COMPARED, BLOCK = 4728, 16, 64
LENGTH, CLASSES = 100, 200
TOLERANCE = 1e-12


def make_maps(first: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maps float32 [count, 2, T, T], start and end [count, T]; the same each time."""
    rng = np.random.default_rng([0, first])
    position = np.arange(LENGTH)
    boundaries = []
    for _ in range(2):
        centre = rng.uniform(0, LENGTH, (count, 4, 1))
        bumps = rng.uniform(0.2, 1, (count, 4, 1)) * np.exp(-(((position - centre) / 4) ** 2))
        boundaries.append(np.clip(bumps.max(axis=1) + rng.uniform(0, 0.2, (count, LENGTH)), 0, 1))
    start, end = boundaries
    last = np.minimum(position[:, np.newaxis] + position + 1, LENGTH - 1)
    inner = np.sqrt(start[:, np.newaxis, :] * end[:, last])
    score_map = inner[:, np.newaxis] * rng.uniform(0.3, 1, (count, 2, LENGTH, LENGTH))
    return score_map.astype(np.float32), start.astype(np.float32), end.astype(np.float32)


def decode_in_loops(
    score_map: np.ndarray, start: np.ndarray, end: np.ndarray
) -> list[tuple[float, float, float]]:
    """The candidates of one video, cell by cell: (start, end, score)."""
    may_start, may_end = [True] + [False] * (LENGTH - 1), [False] * (LENGTH - 1) + [True]
    for may, probability in ((may_start, start.tolist()), (may_end, end.tolist())):
        highest = max(probability)
        for i in range(LENGTH):
            if probability[i] > 0.5 * highest:
                may[i] = True
        for i in range(1, LENGTH - 1):
            if probability[i] > probability[i - 1] and probability[i] > probability[i + 1]:
                may[i] = True
    found = []
    for duration in range(LENGTH):
        for first in range(LENGTH):
            last = first + duration + 1
            if last < LENGTH and may_start[first] and may_end[last]:
                score = float(score_map[1, duration, first]) * float(score_map[0, duration, first])
                found.append((first / LENGTH, last / LENGTH, score))
    return found


def tiou_of_pair(begin: float, end: float, other_begin: float, other_end: float) -> float:
    """Overlap of two segments."""
    shared = max(min(end, other_end) - max(begin, other_begin), 0.0)
    union = (end - begin) + (other_end - other_begin) - shared
    return shared / union if union > 0 else 0.0


def suppress_in_loops(
    candidates: list[tuple[float, float, float]],
) -> list[tuple[float, float, float]]:
    """Gaussian soft-NMS, one candidate at a time."""
    begins, ends, scores = map(list, zip(*candidates, strict=True))
    picked = []
    while scores and len(picked) < MAX_PROPOSALS:
        best = scores.index(max(scores))
        for i in range(len(scores)):
            if i != best:
                overlap = tiou_of_pair(begins[i], ends[i], begins[best], ends[best])
                if overlap > 0:
                    scores[i] = scores[i] * math.exp(-overlap * overlap / GAUSSIAN_WIDTH)
        picked.append((begins.pop(best), ends.pop(best), scores.pop(best)))
    return picked


def compare(count: int = COMPARED, repeats: int = 5) -> dict:
    """Times both on the same videos; the loops once a video.

    Returns:
        {"videos", "candidates" [least, median, most], "loops_seconds", "ours_seconds" (a video,
        decoding and suppression together), "ours_nms_seconds", "loops_nms_seconds", "ratio",
        "nms_ratio", "largest_difference"}.

    Raises:
        RuntimeError: the lists differ.
    """
    maps = make_maps(0, count)
    begin = time.perf_counter()
    decoded = [decode_in_loops(*(array[video] for array in maps)) for video in range(count)]
    middle = time.perf_counter()
    expected = [suppress_in_loops(candidates) for candidates in decoded]
    loops, loops_nms = time.perf_counter() - begin, time.perf_counter() - middle

    candidates = decode_proposals(*maps)
    found = suppress(candidates, Suppression())
    difference = 0.0
    for ours, theirs in zip(found, expected, strict=True):
        theirs = np.array(theirs)
        if not np.array_equal(ours.segments, theirs[:, :2]):
            raise RuntimeError("the lists of the loops and of the arrays differ.")
        difference = max(difference, float(np.abs(ours.scores - theirs[:, 2]).max()))
    if difference > TOLERANCE:
        raise RuntimeError(f"the scores of the loops and of the arrays differ by {difference:.3g}.")
    both = _median_seconds(lambda: suppress(decode_proposals(*maps), Suppression()), repeats)
    nms = _median_seconds(lambda: suppress(candidates, Suppression()), repeats)
    sizes = sorted(len(proposals.scores) for proposals in candidates)
    return {
        "videos": count,
        "candidates": [sizes[0], sizes[len(sizes) // 2], sizes[-1]],
        "loops_seconds": loops / count,
        "ours_seconds": both / count,
        "ratio": loops / both,
        "loops_nms_seconds": loops_nms / count,
        "ours_nms_seconds": nms / count,
        "nms_ratio": loops_nms / nms,
        "largest_difference": difference,
    }


def _median_seconds(call: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def write_validation_set(videos: int = VIDEOS) -> dict:
    """From maps to the file of detections, two classes a video.

    Returns:
        {"videos", "detections", "megabytes" of the file, "sha256" of it, "seconds" in all without
        making the maps, "seconds_of": {"decoding", "suppression", "fusion and writing"},
            "process_peak_megabytes"}.
    """
    names = [f"class {number}" for number in range(CLASSES)]
    seconds_of = {"making maps": 0.0, "decoding": 0.0, "suppression": 0.0}
    rule = Suppression()

    def timed(kind: str, call: Callable[[], object]) -> object:
        begin = time.perf_counter()
        result = call()
        seconds_of[kind] += time.perf_counter() - begin
        return result

    def detections() -> Iterator[tuple[str, list[dict]]]:
        for first in range(0, videos, BLOCK):
            maps = timed(
                "making maps", lambda first=first: make_maps(first, min(BLOCK, videos - first))
            )
            candidates = timed("decoding", lambda maps=maps: decode_proposals(*maps))
            found = timed("suppression", lambda candidates=candidates: suppress(candidates, rule))
            for number, proposals in enumerate(found, first):
                duration, classes = (
                    20 + number % 200,
                    np.random.default_rng(number).dirichlet(np.ones(CLASSES)),
                )
                seconds = proposals.segments * duration
                yield (
                    f"video_{number}",
                    make_detections(seconds, proposals.scores, duration, classes, names),
                )

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "detections.json"
        begin = time.perf_counter()
        counts = write_detections(path, detections(), {})
        seconds = time.perf_counter() - begin - seconds_of.pop("making maps")
        seconds_of["fusion and writing"] = seconds - sum(seconds_of.values())
        data = path.read_bytes()
    return {
        "videos": counts[0],
        "detections": counts[1],
        "megabytes": len(data) / 2**20,
        "sha256": hashlib.sha256(data).hexdigest(),
        "seconds": seconds,
        "seconds_of": seconds_of,
        "process_peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measure(videos: int = VIDEOS, compared: int = COMPARED, repeats: int = 5) -> dict:
    """{"comparison": see `compare`, "validation_set": see `write_validation_set`}.

    Raises:
        InputError: a number below 1.
    """
    for name, value in (("videos", videos), ("compared", compared), ("repeats", repeats)):
        if value < 1:
            raise InputError(f"--{name}={value}: give at least 1.")
    return {
        "comparison": compare(compared, repeats),
        "validation_set": write_validation_set(videos),
    }


def format_result(result: dict) -> str:
    """Two tables."""
    one, all_of_them = result["comparison"], result["validation_set"]
    least, median, most = one["candidates"]
    lines = [
        f"{one['videos']} videos, {least} to {most} candidates (median {median}), milliseconds a "
        "video",
        f"{'':<28}{'plain loops':>12}{'ours':>8}{'ratio':>8}",
    ]
    for name, kind, ratio in (
        ("decoding and soft-NMS", "", "ratio"),
        ("soft-NMS alone", "nms_", "nms_ratio"),
    ):
        loops, ours = (one[f"{who}_{kind}seconds"] * 1000 for who in ("loops", "ours"))
        lines.append(f"{name:<28}{loops:>12.1f}{ours:>8.2f}{one[ratio]:>8.0f}")
    lines += [
        f"the same lists; largest difference of a score {one['largest_difference']:.1e}",
        "",
        f"{all_of_them['videos']:,} videos, maps to file: {all_of_them['seconds']:.1f} s in one "
        "process",
    ]
    lines += [
        f"  {name:<26}{seconds:>8.1f} s" for name, seconds in all_of_them["seconds_of"].items()
    ]
    lines += [
        f"  {all_of_them['detections']:,} detections, {all_of_them['megabytes']:.0f} MB, sha256 "
        f"{all_of_them['sha256'][:12]}; peak of the process "
        f"{all_of_them['process_peak_megabytes']:.0f} MB"
    ]
    return "\n".join(lines)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_integer("videos", VIDEOS, "Videos of the validation set.")
    flags.DEFINE_integer("compared", COMPARED, "Videos that the loops go through.")
    flags.DEFINE_integer("repeats", 5, "Timed runs of ours; the median counts.")
    flags.DEFINE_string("output", None, "JSON to write (default: print only).")


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    result = measure(FLAGS.videos, FLAGS.compared, FLAGS.repeats)
    print(format_result(result))
    if FLAGS.output:
        write_json(FLAGS.output, result)
        print(f"wrote {FLAGS.output}")


if __name__ == "__main__":
    run_command(main, define_flags)
