"""Time and memory of G-TAD at ActivityNet's size, beside the direct formulation.

    python -m benchmarks.gtad --output=gtad.json

T = D = 100, features of 400 channels, the widths of the paper. The direct formulation makes the
reference's [B, D * T, C * bins] tensor and multiplies it with the weights of the 1x1 convolution;
everything else of the network is the same code. A training step is forward, losses, backward and
Adam. Every row is measured in a process of its own; its extra memory is the peak of the process
while it runs the steps, less what it held before the first one (TensorFlow, weights, optimizer and
the constant matrices of either formulation are there by then). Where four times the memory of a
direct step of 4 videos is not available, the direct step of 16 videos is left out.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json
from bsp_tf.localization.heads.gtad.graph import nearest_neighbours
from bsp_tf.localization.heads.gtad.losses import gtad_losses
from bsp_tf.localization.heads.gtad.network import GTAD
from bsp_tf.localization.heads.gtad.roi_align import align_matrix, anchor_regions
from bsp_tf.localization.heads.gtad.targets import valid_mask

FLAGS = flags.FLAGS

ACTIVITYNET = {"feature_dim": 400}
# What is timed; "graphs" is the training step without the map branch.
ROWS = (
    ("direct", "train", 4),
    ("ours", "train", 4),
    ("ours", "graphs", 4),
    ("direct", "train", 16),
    ("ours", "train", 16),
    ("ours", "graphs", 16),
    ("direct", "inference", 1),
    ("ours", "inference", 1),
)


class DirectGTAD(GTAD):
    """The same network and weights; every cell of the map is aligned, then convolved."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        segments, durations = self.sizes["num_segments"], self.sizes["max_duration"]
        d, s = np.indices((durations, segments)).reshape(2, -1)
        # Anchors that end after the video have the region [0, 0].
        begin, end = (np.where(s + d < segments, x, 0.0) for x in anchor_regions(s, d))
        self.matrices = [
            tf.constant(
                align_matrix(begin, end, self.sizes[f"{kind}_bins"], segments).reshape(-1, segments)
            )
            for kind in ("inner", "context")
        ]

    def map_scores(self, graph: tf.Tensor) -> tf.Tensor:
        sizes, channels = self.sizes, graph.shape[-1]
        cells = sizes["max_duration"] * sizes["num_segments"]
        neighbours = nearest_neighbours(graph, sizes["neighbours"])
        context = tf.reduce_mean(tf.gather(graph, neighbours, batch_dims=1), 2)
        aligned = [
            tf.reshape(
                tf.matmul(matrix[tf.newaxis], nodes), [-1, cells, len(matrix) // cells * channels]
            )
            for matrix, nodes in zip(self.matrices, (graph, context), strict=True)
        ]
        rows = tf.reshape(
            tf.concat(aligned, -1), [-1, (sizes["inner_bins"] + sizes["context_bins"]) * channels]
        )
        values = tf.matmul(rows, tf.reshape(self.align.kernel, [rows.shape[-1], -1]))
        values = self.map_conv_0(tf.nn.relu(tf.nn.bias_add(values, self.align.bias)))
        values = tf.reshape(
            values, [-1, sizes["max_duration"], sizes["num_segments"], values.shape[-1]]
        )
        for layer in (self.map_conv_1, self.map_conv_2):
            values = tf.nn.relu(layer(tf.nn.relu(values)))
        return tf.sigmoid(self.map_score(values))


def make_step(model: GTAD, task: str, batch: int) -> Callable[[], tf.Tensor]:
    """What a row repeats; its result is a number that depends on everything computed.

    Args:
        model: Built.
        task: "train", "graphs" or "inference".
        batch: Videos a step; features and targets are random.
    """
    sizes = model.sizes
    grid = (sizes["max_duration"], sizes["num_segments"])
    rng = np.random.default_rng(0)
    features = tf.constant(rng.standard_normal((batch, grid[1], sizes["feature_dim"])), tf.float32)
    valid = tf.constant(valid_mask(grid[1], grid[0]))
    targets = {
        "start": tf.constant(rng.random((batch, grid[1])), tf.float32),
        "end": tf.constant(rng.random((batch, grid[1])), tf.float32),
        "map": tf.constant(rng.random((batch, *grid)), tf.float32) * valid,
    }
    draws = tf.constant(rng.random((2, batch, *grid)), tf.float32)
    optimizer = tf.keras.optimizers.Adam(1e-4)
    optimizer.build(model.trainable_variables)

    @tf.function(autograph=False)
    def infer() -> tf.Tensor:
        return tf.add_n([tf.reduce_sum(value) for value in model(features).values()])

    @tf.function(autograph=False)
    def train() -> tf.Tensor:
        with tf.GradientTape() as tape:
            if task == "graphs":
                base = model.base_features(features)
                heads = (
                    model.graph_block(base),
                    model.start_score(model.start_block(base)),
                    model.end_score(model.end_block(base)),
                )
                loss = tf.add_n([tf.reduce_mean(head**2) for head in heads])
            else:
                loss = gtad_losses(model(features), targets, valid, draws)["total"]
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(
            (g, v)
            for g, v in zip(gradients, model.trainable_variables, strict=True)
            if g is not None
        )
        return loss

    return infer if task == "inference" else train


def measure_row(
    variant: str, task: str, batch: int, repeats: int, sizes: dict | None = None
) -> dict:
    """Runs one row in this process.

    Args:
        variant: "direct" or "ours".
        task, batch: See make_step.
        repeats: Timed steps, after one that is not.
        sizes: Arguments of GTAD; the default is ActivityNet's configuration.

    Returns:
        {"variant", "task", "batch", "seconds" (median), "runs", "peak_megabytes"}.
    """
    tf.keras.utils.set_random_seed(0)
    model = {"direct": DirectGTAD, "ours": GTAD}[variant](**(sizes or ACTIVITYNET))
    model.build()
    step = make_step(model, task, batch)
    before = _resident("VmRSS")
    # Linux: the peak begins anew at what is resident now.
    Path("/proc/self/clear_refs").write_text("5")
    step().numpy()
    runs = []
    for _ in range(repeats):
        begin = time.perf_counter()
        step().numpy()
        runs.append(time.perf_counter() - begin)
    return {
        "variant": variant,
        "task": task,
        "batch": batch,
        "seconds": statistics.median(runs),
        "runs": runs,
        "peak_megabytes": max(_resident("VmHWM") - before, 0.0),
    }


def measure(repeats: int, rows: Sequence[tuple[str, str, int]] = ROWS) -> list[dict]:
    """Measures the rows, each in its own process.

    Returns:
        What measure_row returns; "seconds" is None for a row that does not fit into memory.

    Raises:
        InputError: `repeats` is below 1.
        subprocess.CalledProcessError: a row failed.
    """
    if repeats < 1:
        raise InputError(f"--repeats={repeats}: give at least 1.")
    results: list[dict] = []
    for variant, task, batch in rows:
        small = _find(results, variant, task, 4)
        needed = small["peak_megabytes"] * batch / 4 if variant == "direct" and small else 0.0
        if needed > _available_megabytes():
            results.append(
                {
                    "variant": variant,
                    "task": task,
                    "batch": batch,
                    "seconds": None,
                    "runs": [],
                    "peak_megabytes": needed,
                }
            )
            continue
        # The direct step is long enough for few repeats.
        count = min(repeats, 3) if variant == "direct" else repeats
        command = [
            sys.executable,
            "-m",
            "benchmarks.gtad",
            f"--row={variant},{task},{batch}",
            f"--repeats={count}",
        ]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        results.append(json.loads(output.splitlines()[-1]))
        print(f"measured {variant} {task}, batch {batch}", file=sys.stderr)
    return results


def format_rows(results: Sequence[dict]) -> str:
    """A table, with the ratios to the direct formulation."""
    lines = [
        f"{'formulation':<13}{'step':<11}{'batch':>5}{'seconds':>10}{'extra MB':>10}"
        f"{'faster':>9}{'memory':>9}"
    ]
    for row in results:
        line = f"{row['variant']:<13}{row['task']:<11}{row['batch']:>5}"
        if row["seconds"] is None:
            lines.append(f"{line}   does not fit: about {row['peak_megabytes']:,.0f} MB")
            continue
        line += f"{row['seconds']:>10.3f}{row['peak_megabytes']:>10.0f}"
        direct = _find(results, "direct", row["task"], row["batch"])
        if row["variant"] == "ours" and direct and direct["seconds"]:
            line += (
                f"{direct['seconds'] / row['seconds']:>8.1f}x"
                f"{direct['peak_megabytes'] / max(row['peak_megabytes'], 1):>7.1f}th"
            )
        lines.append(line)
    lines.append(
        "seconds: median; extra MB: peak of the process during the steps, less what it held "
        "before; "
        "graphs: training step without the map branch"
    )
    return "\n".join(lines)


def _find(results: Sequence[dict], variant: str, task: str, batch: int) -> dict | None:
    return next(
        (
            row
            for row in results
            if (row["variant"], row["task"], row["batch"]) == (variant, task, batch)
        ),
        None,
    )


def _resident(field: str) -> float:
    """VmRSS (now) or VmHWM (peak) of this process, in MB."""
    return _kilobytes("/proc/self/status", field) / 1024


def _available_megabytes() -> float:
    return _kilobytes("/proc/meminfo", "MemAvailable") / 1024


def _kilobytes(path: str, field: str) -> float:
    lines = dict(line.split(":", 1) for line in Path(path).read_text().splitlines())
    return float(lines[field].split()[0])


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_integer(
        "repeats", 7, "Timed steps of each row (direct: at most 3); the median counts."
    )
    flags.DEFINE_list(
        "row", None, "One row, measured in this process, as JSON: direct|ours, task, batch."
    )
    flags.DEFINE_string("output", None, "JSON to write (default: print only).")


def main(argv: Sequence[str]) -> None:
    """Runs the command with its flags."""
    del argv
    if FLAGS.row:
        variant, task, batch = FLAGS.row
        print(json.dumps(measure_row(variant, task, int(batch), FLAGS.repeats)))
        return
    results = measure(FLAGS.repeats)
    print(format_rows(results))
    if FLAGS.output:
        write_json(FLAGS.output, {"rows": results})
        print(f"wrote {FLAGS.output}")


if __name__ == "__main__":
    run_command(main, define_flags)
