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
    row = {
        "epoch": step // steps_per_epoch,
        "step": step,
        "train_loss": float(progress.loss_sum) / steps_per_epoch,
        "train_accuracy": int(progress.num_correct) / (steps_per_epoch * batch_size),
        "validation_loss": validation["loss"],
        "validation_accuracy": validation["accuracy"],
        "input_wait": float(progress.wait_seconds) / seconds,
        "seconds": seconds,
    }
    for name, value in validation.get("placing", {}).items():
        if name != "num_boundaries":
            row[f"validation_place_{name}"] = value
    if "actions" in validation:
        row["validation_action_accuracy"] = validation["actions"]["accuracy"]
    return row


def validation_curves(row: Mapping[str, Any]) -> dict[str, float]:
    """Name -> value of what a row says of the validation clips, for TensorBoard."""
    return {
        name.removeprefix("validation_"): value
        for name, value in row.items()
        if name.startswith("validation_") and value is not None
    }


def epoch_line(row: Mapping[str, Any], num_epochs: int) -> str:
    """The row in one line for people."""
    heads = ""
    if "validation_action_accuracy" in row:
        heads += f", of the actions {row['validation_action_accuracy']:.3f}"
    if "validation_place_auc" in row:
        scores = {name.removeprefix("validation_place_"): row[name] for name in row}
        heads += f", {placing_words(scores)}"
    return (
        f"epoch {row['epoch']}/{num_epochs}: train loss {row['train_loss']:.3f}, accuracy "
        f"{row['train_accuracy']:.3f}; validation loss {row['validation_loss']:.3f}, accuracy "
        f"{row['validation_accuracy']:.3f}{heads} ({row['seconds']:.0f} s, "
        f"{row['input_wait']:.1%} waiting for input)"
    )


def placing_words(scores: Mapping[str, Any]) -> str:
    """`placing_scores` in words: "place error 0.42 frames (0.98 within 1), AUC 0.991"."""
    error, within, area = (scores[name] for name in ("median_error", "within_1_frame", "auc"))
    placed = "no boundary" if error is None else f"{error:.2f} frames ({within:.2f} within 1)"
    return f"place error {placed}, AUC " + ("unknown" if area is None else f"{area:.3f}")
