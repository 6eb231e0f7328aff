"""One finished epoch of a run: its row in metrics.jsonl, and its line on the screen."""

from collections.abc import Mapping
from typing import Any

from bsp_tf.runs.progress import Progress


def epoch_row(
    progress: Progress, validation: Mapping[str, Any], steps_per_epoch: int, batch_size: int
) -> dict[str, Any]:
    """The row without the learning rate; "seconds" are those of training.

    Args:
        progress: Sums over the epoch that has just ended.
        validation: Result of an Evaluator.
        steps_per_epoch: Steps.
        batch_size: Of all workers together.
    """
    step, seconds = int(progress.step), float(progress.seconds)
    return {
        "epoch": step // steps_per_epoch,
        "step": step,
        "train_loss": float(progress.loss_sum) / steps_per_epoch,
        "train_accuracy": int(progress.num_correct) / (steps_per_epoch * batch_size),
        "validation_loss": validation["loss"],
        "validation_accuracy": validation["accuracy"],
        "input_wait": float(progress.wait_seconds) / seconds,
        "seconds": seconds,
    }


def epoch_line(row: Mapping[str, Any], num_epochs: int) -> str:
    """The row in one line for people."""
    return (
        f"epoch {row['epoch']}/{num_epochs}: train loss {row['train_loss']:.3f}, accuracy "
        f"{row['train_accuracy']:.3f}; validation loss {row['validation_loss']:.3f}, accuracy "
        f"{row['validation_accuracy']:.3f} ({row['seconds']:.0f} s, {row['input_wait']:.1%} "
        "waiting for input)"
    )
