"""ActionFormer beside PyTorch, training step and inference, and its suppression beside plain loops.

    python -m benchmarks.heads --output=heads.json

The network is that of configs/actionformer_thumos.py: 2,304 columns of 2,048 channels, 20 classes.
"train" is a whole step of 2 videos: forward, losses, backward, clip, AdamW, the average of the
weights; "infer" the forward pass of one. Each row runs in a process of its own, so that its peak
memory is its own; the two frameworks take turns, so that a busy machine disturbs both. The step of
PyTorch is benchmarks/torch_actionformer.py (extra `torch`); without it only our rows are printed.

Then soft-NMS and voting run in arrays and in loops, see benchmarks/suppression.py.
"""

import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from absl import flags
from ml_collections import ConfigDict

from benchmarks.suppression import compare_suppression, format_suppression
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json
from configs import actionformer_thumos

FLAGS = flags.FLAGS

CHANNELS, CLASSES, SEGMENTS = 2048, 20, 12
MODES = ("train", "infer")


def make_batch(count: int, config: ConfigDict, channels: int = CHANNELS) -> dict[str, np.ndarray]:
    """Random videos that fill three quarters of the columns, and what every point should say."""
    from bsp_tf.localization.heads.actionformer.head import HEAD
    from bsp_tf.localization.heads.actionformer.pyramid import level_lengths

    rng, columns = np.random.default_rng(0), config.num_segments
    inside = np.zeros((count, columns), np.float32)
    inside[:, : columns * 3 // 4] = 1
    features = rng.standard_normal((count, columns, channels), np.float32) * inside[..., np.newaxis]
    targets = []
    for _ in range(count):
        middle, half = rng.uniform(0.1, 0.65, SEGMENTS), rng.uniform(0.002, 0.05, SEGMENTS)
        segments = np.stack([middle - half, middle + half], 1)
        targets.append(HEAD.targets(segments, rng.integers(0, CLASSES, SEGMENTS), CLASSES, config))
    levels = range(len(level_lengths(columns, len(config.attention_windows))))
    return {
        "features": features,
        "inside": inside,
        "points_inside": np.concatenate([inside[:, :: 2**level] for level in levels], 1),
        **{name: np.stack([one[name] for one in targets]) for name in targets[0]},
    }


def measure_row(framework: str, mode: str, steps: int) -> dict:
    """Runs one row in a process of its own.

    Args:
        framework: "bsp_tf" or "torch".
        mode: "train" or "infer".
        steps: Timed steps, after two that are not.

    Returns:
        {"seconds": one a step, "peak_megabytes": of the process, "idle_megabytes": before the model
        is made}.

    Raises:
        RuntimeError: the process failed.
    """
    command = [sys.executable, "-m", "benchmarks.heads", f"--row={framework},{mode},{steps}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{ended.stderr[-2000:]}")
    return json.loads(ended.stdout.splitlines()[-1])


def run_row(framework: str, mode: str, steps: int, config: ConfigDict, channels: int) -> dict:
    """The measurement itself, in the process made for it."""
    batch = make_batch(config.batch_size if mode == "train" else 1, config, channels)
    make = our_step if framework == "bsp_tf" else torch_step
    step, idle = make(batch, config, mode == "train")
    for _ in range(2):
        step()
    seconds = []
    for _ in range(steps):
        begin = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - begin)
    return {"seconds": seconds, "peak_megabytes": _peak_megabytes(), "idle_megabytes": idle}


def our_step(
    batch: dict[str, np.ndarray], config: ConfigDict, training: bool
) -> tuple[Callable[[], object], float]:
    """What is timed of ours, and the peak before."""
    import tensorflow as tf

    from bsp_tf.localization.heads.actionformer.head import HEAD
    from bsp_tf.localization.learner import Learner
    from bsp_tf.localization.training_data import Batch
    from bsp_tf.localization.workdir import TrainedHead
    from bsp_tf.runs.strategy import strategy_for

    idle = _peak_megabytes()
    targets = {name: batch[name] for name in ("classes", "offsets")}
    examples = Batch(batch["features"], batch["inside"], targets)
    if training:
        learner = Learner(HEAD, config, examples, CLASSES, strategy_for("one_device"))
        examples = tf.nest.map_structure(tf.constant, examples)
        draw = tf.constant(1, tf.int64)
        return lambda: learner.train_step(examples, draw)["total"].numpy(), idle
    model = HEAD.build(config, batch["features"].shape[2], CLASSES)
    trained = TrainedHead(HEAD, model, config, ())
    return lambda: trained.outputs(examples.features, examples.inside), idle


def torch_step(
    batch: dict[str, np.ndarray], config: ConfigDict, training: bool
) -> tuple[Callable[[], object], float]:
    """What is timed of PyTorch, and the peak before."""
    import torch

    from benchmarks.torch_actionformer import make_step

    torch.set_num_threads(os.cpu_count() or 1)
    idle = _peak_megabytes()
    return make_step(batch, CLASSES, config, training), idle


def _peak_megabytes() -> float:
    # Not getrusage: its peak includes what the parent held when it started this process.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def measure_steps(steps: int, rounds: int) -> list[dict]:
    """Both modes; `rounds` processes for each framework, in turns.

    Returns:
        One dict for each mode: "mode" and for each framework {"seconds" (median), "runs",
        "peak_megabytes" (largest), "idle_megabytes"}.
    """
    frameworks = ["bsp_tf"] + (["torch"] if importlib.util.find_spec("torch") else [])
    results = []
    for mode in MODES:
        rows = {name: [] for name in frameworks}
        for _ in range(rounds):
            for name in frameworks:
                rows[name].append(measure_row(name, mode, steps))
        result = {"mode": mode}
        for name, runs in rows.items():
            seconds = [second for run in runs for second in run["seconds"]]
            result[name] = {
                "seconds": statistics.median(seconds),
                "runs": seconds,
                "peak_megabytes": max(run["peak_megabytes"] for run in runs),
                "idle_megabytes": min(run["idle_megabytes"] for run in runs),
            }
        print(format_step(result), flush=True)
        results.append(result)
    return results


def format_step(result: dict) -> str:
    """One line: seconds and peak MB of ours and of PyTorch, and PyTorch's seconds over ours."""
    line = f"{result['mode']:<12}"
    for name in ("bsp_tf", "torch"):
        if name in result:
            row = result[name]
            line += f"{name:>8}{row['seconds']:>8.3f} s{row['peak_megabytes']:>7.0f} MB"
    if "torch" in result:
        line += f"{result['torch']['seconds'] / result['bsp_tf']['seconds']:>8.2f}x"
    return line


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_integer("steps", 5, "Timed steps of a process; the median of all counts.")
    flags.DEFINE_integer("rounds", 2, "Processes of each row.")
    flags.DEFINE_string("output", None, "JSON to write (default: print only).")
    flags.DEFINE_list("row", None, "One row, in this process, as JSON: framework, mode, steps.")


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    if FLAGS.row:
        framework, mode, steps = FLAGS.row
        config = actionformer_thumos.get_config()
        print(json.dumps(run_row(framework, mode, int(steps), config, CHANNELS)))
        return
    if FLAGS.steps < 1 or FLAGS.rounds < 1:
        raise InputError(f"--steps={FLAGS.steps} --rounds={FLAGS.rounds}: give at least 1 of each.")
    result = {"steps": measure_steps(FLAGS.steps, FLAGS.rounds)}
    result["suppression"] = compare_suppression()
    print(format_suppression(result["suppression"]))
    if FLAGS.output:
        write_json(FLAGS.output, result)
        print(f"wrote {FLAGS.output}")


if __name__ == "__main__":
    run_command(main, define_flags)
