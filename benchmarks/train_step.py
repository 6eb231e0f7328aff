"""Seconds and peak memory of one TSM step on the CPU, beside PyTorch (channels last).

    python -m benchmarks.train_step --output=train_step.json

Batch 4 clips of 8 frames. "infer" is the forward pass in evaluation; "train" is forward, backward
and the update (momentum, weight decay, gradient-norm clip). Each row runs in a process of its own,
so that its peak memory is its own; the two frameworks take turns, so that a busy machine disturbs
both. PyTorch is the extra `torch` (pip install -e '.[torch]'); without it only our rows are
printed.
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
from typing import Any

import numpy as np
from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json

FLAGS = flags.FLAGS

BATCH, NUM_FRAMES, NUM_CLASSES = 4, 8, 400
MODES = ("infer", "train")
# Name -> what TSM takes.
NETWORKS: dict[str, dict[str, Any]] = {
    "R18": {"depth": 18},
    "R50": {"depth": 50},
    "MobileNetV2": {"backbone": "mobilenet_v2"},
}
MOMENTUM, WEIGHT_DECAY, CLIP_NORM, LEARNING_RATE = 0.9, 1e-4, 20.0, 0.02


def measure_row(framework: str, network: str, size: int, mode: str, steps: int) -> dict:
    """Runs one row in a process of its own.

    Args:
        framework: "bsp_tf" or "torch".
        network: Name in NETWORKS.
        size: Height and width of the frames in pixels.
        mode: "infer" or "train".
        steps: Timed steps, after two that are not.

    Returns:
        {"seconds": one a step, "peak_megabytes": of the process, "idle_megabytes": before the model
        is made}.

    Raises:
        RuntimeError: the process failed.
    """
    command = [
        sys.executable,
        "-m",
        "benchmarks.train_step",
        f"--row={framework},{network},{size},{mode},{steps}",
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{ended.stderr[-2000:]}")
    return json.loads(ended.stdout.splitlines()[-1])


def _run_row(framework: str, network: str, size: int, mode: str, steps: int) -> dict:
    """The measurement itself, in the process made for it."""
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((BATCH, NUM_FRAMES, size, size, 3), np.float32)
    labels = rng.integers(0, NUM_CLASSES, BATCH)
    make = _our_step if framework == "bsp_tf" else _torch_step
    step, idle = make(network, frames, labels, mode == "train")
    for _ in range(2):
        step()
    seconds = []
    for _ in range(steps):
        begin = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - begin)
    return {"seconds": seconds, "peak_megabytes": _peak_megabytes(), "idle_megabytes": idle}


def _our_step(
    network: str, frames: np.ndarray, labels: np.ndarray, training: bool
) -> tuple[Callable, float]:
    import tensorflow as tf
    from ml_collections import ConfigDict

    from bsp_tf.base.stack import named_variables
    from bsp_tf.models.tsm import TSM
    from bsp_tf.runs.optimization import optimizer_for

    idle = _peak_megabytes()
    model = TSM(NUM_CLASSES, **NETWORKS[network], dropout=0.0)
    model.build()
    inputs, targets = tf.constant(frames), tf.constant(labels)
    if not training:
        forward = tf.function(lambda: model(inputs, training=False)["logits"], autograph=False)
        return lambda: forward().numpy(), idle
    variables = named_variables(model, trainable_only=True)
    settings = ConfigDict(
        {
            "momentum": MOMENTUM,
            "nesterov": False,
            "weight_decay": WEIGHT_DECAY,
            "clip_norm": CLIP_NORM,
            "parameter_groups": "tsm",
        }
    )
    optimizer = optimizer_for(settings, variables, model.parameter_roles())

    @tf.function(autograph=False)
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = model(inputs, training=True)["logits"]
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits))
        optimizer.apply(
            tape.gradient(loss, list(variables.values())),
            tf.constant(LEARNING_RATE),
        )
        return loss

    return lambda: step().numpy(), idle


def _torch_step(
    network: str, frames: np.ndarray, labels: np.ndarray, training: bool
) -> tuple[Callable, float]:
    import torch

    from benchmarks.torch_tsm import make_torch_mobilenet_v2, make_torch_tsm

    torch.set_num_threads(os.cpu_count())
    idle = _peak_megabytes()
    depth = NETWORKS[network].get("depth")
    model = make_torch_tsm(depth, NUM_CLASSES) if depth else make_torch_mobilenet_v2(NUM_CLASSES)
    model = model.train(training)
    inputs = torch.from_numpy(frames.reshape(-1, *frames.shape[2:])).permute(0, 3, 1, 2)
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    targets = torch.from_numpy(labels)
    optimizer = torch.optim.SGD(
        model.parameters(), LEARNING_RATE, MOMENTUM, weight_decay=WEIGHT_DECAY
    )

    def train() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        return loss.item()

    def infer() -> np.ndarray:
        with torch.inference_mode():
            return model(inputs).numpy()

    return (train if training else infer), idle


def _peak_megabytes() -> float:
    # Not getrusage: its peak includes what the parent held when it started this process.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def measure(
    networks: Sequence[str] = tuple(NETWORKS),
    sizes: Sequence[int] = (112, 224),
    steps: int = 5,
    rounds: int = 2,
) -> list[dict]:
    """All rows; `rounds` processes for each, the frameworks in turns.

    Returns:
        One dict for each network, size and mode: these, and for each framework {"seconds" (median),
        "runs", "peak_megabytes" (largest)}, or None for PyTorch where it is not installed.

    Raises:
        InputError: `steps` or `rounds` is below 1, or there is no such network.
        RuntimeError: a row failed.
    """
    if steps < 1 or rounds < 1:
        raise InputError(f"--steps={steps} --rounds={rounds}: give at least 1 of each.")
    unknown = [name for name in networks if name not in NETWORKS]
    if unknown:
        raise InputError(f"--networks has {unknown[0]}; choose from {', '.join(NETWORKS)}.")
    frameworks = ["bsp_tf"] + (["torch"] if importlib.util.find_spec("torch") else [])
    results = []
    for network in networks:
        for size in sizes:
            for mode in MODES:
                rows = {name: [] for name in frameworks}
                for _ in range(rounds):
                    for name in frameworks:
                        rows[name].append(measure_row(name, network, size, mode, steps))
                result = {"network": network, "size": size, "mode": mode, "torch": None}
                result |= {name: _merge(runs) for name, runs in rows.items()}
                print(format_row(result), flush=True)
                results.append(result)
    return results


def _merge(runs: list[dict]) -> dict:
    seconds = [second for run in runs for second in run["seconds"]]
    return {
        "seconds": statistics.median(seconds),
        "runs": seconds,
        "peak_megabytes": max(run["peak_megabytes"] for run in runs),
        "idle_megabytes": min(run["idle_megabytes"] for run in runs),
    }


HEADER = (
    f"{'network':<12}{'pixels':>7}{'mode':>7}{'bsp_tf s':>10}{'MB':>7}{'torch s':>10}{'MB':>7}"
    f"{'torch/bsp_tf':>14}\n"
    "(seconds: median; MB: peak of the process; a ratio above 1 means that ours is faster)"
)


def format_row(result: dict) -> str:
    """One line of the table."""
    ours, torch = result["bsp_tf"], result["torch"]
    line = (
        f"{result['network']:<12}{result['size']:>7}{result['mode']:>7}{ours['seconds']:>10.3f}"
        f"{ours['peak_megabytes']:>7.0f}"
    )
    if torch is None:
        return f"{line}{'-':>10}{'-':>7}{'-':>14}"
    return (
        f"{line}{torch['seconds']:>10.3f}{torch['peak_megabytes']:>7.0f}"
        f"{torch['seconds'] / ours['seconds']:>14.2f}"
    )


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_integer(
        "steps", 5, "Timed steps of a process; the median of all processes counts."
    )
    flags.DEFINE_integer("rounds", 2, "Processes of each row.")
    flags.DEFINE_list("networks", list(NETWORKS), f"Of {', '.join(NETWORKS)}.")
    flags.DEFINE_list("sizes", ["112", "224"], "Height and width of the frames in pixels.")
    flags.DEFINE_string("output", None, "JSON to write (default: print only).")
    flags.DEFINE_string(
        "row",
        None,
        "Measures one row: framework,network,size,mode,steps. Used by the command itself.",
    )


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    if FLAGS.row:
        framework, network, size, mode, steps = FLAGS.row.split(",")
        print(json.dumps(_run_row(framework, network, int(size), mode, int(steps))))
        return
    print(HEADER)
    results = measure(
        FLAGS.networks,
        [int(size) for size in FLAGS.sizes],
        FLAGS.steps,
        FLAGS.rounds,
    )
    if FLAGS.output:
        write_json(FLAGS.output, results)
        print(f"wrote {FLAGS.output}")


if __name__ == "__main__":
    run_command(main, define_flags)
