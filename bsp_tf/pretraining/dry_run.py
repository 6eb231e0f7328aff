"""What a config costs, without data: sizes from the graph, and three steps on random frames."""

import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict

from bsp_tf.pretraining.learner import Learner
from bsp_tf.pretraining.model_cost import activation_bytes, multiply_adds
from bsp_tf.pretraining.objective import Objective
from bsp_tf.pretraining.preflight import check_fields, plan_run
from bsp_tf.runs.cluster import Cluster
from bsp_tf.runs.strategy import check_batch_size
from bsp_tf.synthesis.settings import Settings

STEPS = 3
# Where no data is given: Kinetics-400 as it can still be had.
KINETICS_CLASSES, KINETICS_CLIPS = 400, 240_000
# Room for what is not counted: the gradients of activations, workspace of the convolutions.
WORKSPACE_FACTOR = 1.5


def dry_run(config: ConfigDict, strategy: tf.distribute.Strategy) -> dict[str, float]:
    """Prints parameters, multiply-adds, steps and memory by part; trains 3 steps on random frames.

    The steps have the shapes of the run, unless the machine's memory is too small for them: then
    with as many clips as fit, which is said.

    Returns:
        parameters, multiply_adds (a clip), activation_bytes (a clip), clips (of the steps on one
        replica), step_seconds, loss.

    Raises:
        InputError: the config is wrong.
    """
    check_fields(config)
    check_batch_size(config, strategy)
    classes, actions, steps, where = _lengths(config)
    clip_shape = (config.data.num_frames, config.data.crop_size, config.data.crop_size, 3)
    learner = Learner(config, classes, steps, steps * config.train.epochs, strategy, actions)
    model = learner.model
    parameters = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    found = {
        "parameters": parameters,
        "multiply_adds": multiply_adds(model, clip_shape),
        "activation_bytes": activation_bytes(model, clip_shape),
    }
    replicas, micro = strategy.num_replicas_in_sync, config.train.accumulate_steps
    clips = config.train.batch_size // micro // replicas
    print(f"{config.task}: {classes} classes, clips of {'x'.join(map(str, clip_shape))}")
    print(f"parameters          {parameters / 1e6:.2f} M")
    print(f"GFLOP a clip        {found['multiply_adds'] / 1e9:.2f} (multiply-adds, forward)")
    if learner.distillation:
        teacher = multiply_adds(learner.distillation.teacher, clip_shape)
        print(f"teacher             {teacher / 1e9:.2f} GFLOP a clip more, in training")
    print(
        f"steps               {steps:,} an epoch x {config.train.epochs} epochs = "
        f"{steps * config.train.epochs:,} ({where})"
    )
    print(
        f"a step              {config.train.batch_size} clips = {replicas} replica(s) x {micro} "
        f"micro-batch(es) x {clips} clips, {config.train.precision}"
    )
    fixed = _print_memory(config, parameters, found["activation_bytes"], clips, clip_shape)
    found["clips"] = _clips_that_fit(clips, fixed, found["activation_bytes"], replicas)
    if found["clips"] < clips:
        print(
            f"The {clips} clips of a replica do not fit in this machine's memory: the steps below "
            f"have {found['clips']}."
        )
    return found | _train(
        learner, found["clips"], classes, clip_shape, Cluster(strategy).replicas_here, micro
    )


def _lengths(config: ConfigDict) -> tuple[int, Sequence[str], int, str]:
    """Classes, names of a second head's, steps an epoch, and where they are from."""
    if config.data.train_dir:
        plan = plan_run(config)
        return len(plan.labels), plan.actions, plan.steps_per_epoch, config.data.train_dir
    is_boundary = config.task == "boundary"
    classes = len(Settings.from_config(config).types) if is_boundary else KINETICS_CLASSES
    has_actions = Objective.from_config(config).class_weight
    actions = [str(number) for number in range(KINETICS_CLASSES if has_actions else 0)]
    if config.train.steps_per_epoch:
        return classes, actions, config.train.steps_per_epoch, "train.steps_per_epoch"
    return (
        classes,
        actions,
        KINETICS_CLIPS // config.train.batch_size,
        f"for {KINETICS_CLIPS:,} clips, as of Kinetics-400",
    )


def _print_memory(
    config: ConfigDict, parameters: int, activations: int, clips: int, clip_shape: tuple[int, ...]
) -> float:
    """Prints the memory of one replica by part; returns the bytes that are not of the clips."""
    parts = {"weights": 4 * parameters, "momentum": 4 * parameters, "gradients": 4 * parameters}
    if config.train.accumulate_steps > 1:
        parts["sums of micro-batches"] = 4 * parameters
    if config.train.ema_decay:
        parts["moving average"] = 4 * parameters
    fixed = sum(parts.values())
    parts["activations"] = activations * clips
    parts["frames (uint8)"] = clips * int(np.prod(clip_shape))
    print(
        f"memory of a replica {sum(parts.values()) / 2**30:.2f} GiB, without workspace and input "
        "pipeline"
    )
    for name, size in parts.items():
        print(f"  {name:<21} {size / 2**20:12,.1f} MiB")
    return fixed


def _clips_that_fit(clips: int, fixed: float, activations: int, replicas: int) -> int:
    """Clips of a replica that the host's free memory holds; all with a GPU or where unknown."""
    information = Path("/proc/meminfo")
    if tf.config.list_physical_devices("GPU") or not information.exists():
        return clips
    free = dict(line.split(":") for line in information.read_text().splitlines())["MemAvailable"]
    available = int(free.split()[0]) * 1024 / replicas - fixed
    return min(clips, max(1, int(available / (activations * WORKSPACE_FACTOR))))


def _train(
    learner: Learner,
    clips: int,
    classes: int,
    clip_shape: tuple[int, ...],
    replicas_here: int,
    micro: int,
) -> dict[str, float]:
    """Three steps on random frames; prints and returns their time and loss."""
    rng = np.random.default_rng(0)
    shape = (clips * replicas_here, *clip_shape)
    batch = {
        "frames": tf.constant(rng.integers(0, 256, shape, dtype=np.uint8)),
        "label": tf.constant(rng.integers(0, classes, shape[0]).astype(np.int32)),
        "boundary": tf.constant(rng.uniform(-1, clip_shape[0], shape[0]).astype(np.float32)),
        "source_classes": tf.zeros([shape[0], 2], tf.int32),
    }
    before, seconds = _peak_bytes(), []
    for step in range(1, STEPS + 1):
        began = time.monotonic()
        loss = float(learner.step([batch] * micro)[0])
        seconds.append(time.monotonic() - began)
        print(f"step {step}: {seconds[-1]:.2f} s{' (with tracing)' if step == 1 else ''}")
    peak = _peak_bytes() - before
    print(
        f"peak memory of the steps above what was there: {peak / 2**30:.2f} GiB; "
        f"{shape[0] * micro / seconds[-1]:.2f} clips/s here"
    )
    return {"step_seconds": seconds[-1], "loss": loss}


def _peak_bytes() -> int:
    """Most memory so far: of the first GPU, else of the process."""
    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
