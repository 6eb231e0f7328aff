"""What a run tells while it runs: TensorBoard, metrics.jsonl, the picture of a batch. Only the
chief writes.
"""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.image import imsave
from tqdm import tqdm

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.runs import metrics_log
from bsp_tf.runs import workdir as folder
from bsp_tf.runs.batch_picture import batch_picture

SHOWN_CLIPS = 8


class RunLog:
    """The log of one run in its workdir."""

    def __init__(self, workdir: Path, writes: bool):
        """Opens the TensorBoard files if this process writes."""
        self._metrics, self._picture, self._writes = (
            workdir / folder.METRICS,
            workdir / folder.TRAINING_BATCH,
            writes,
        )
        parts = ("train", "validation") if writes else ()
        self._writers = {
            part: tf.summary.create_file_writer(str(workdir / folder.TENSORBOARD / part))
            for part in parts
        }

    def resume(self, step: int) -> None:
        """Forgets the epochs after `step`, which will be run again."""
        if self._writes:
            metrics_log.drop_rows_after(self._metrics, step)

    def rows(self) -> list[dict[str, Any]]:
        """The finished epochs."""
        return metrics_log.read_rows(self._metrics)

    def scalars(self, step: int, values: dict[str, Any], part: str = "train") -> None:
        """Curves for TensorBoard."""
        if self._writes:
            with self._writers[part].as_default(step=step):
                for name, value in values.items():
                    tf.summary.scalar(name, value)

    def epoch(self, row: dict[str, Any], num_epochs: int) -> None:
        """One finished epoch: its row, its line on the screen, its points in TensorBoard."""
        if not self._writes:
            return
        metrics_log.append_row(self._metrics, row)
        tqdm.write(
            f"epoch {row['epoch']}/{num_epochs}: train loss {row['train_loss']:.3f}, accuracy "
            f"{row['train_accuracy']:.3f}; validation loss {row['validation_loss']:.3f}, accuracy "
            f"{row['validation_accuracy']:.3f} ({row['seconds']:.0f} s, {row['input_wait']:.1%} "
            "waiting for "
            "input)"
        )
        self.scalars(
            row["step"],
            {"loss": row["validation_loss"], "accuracy": row["validation_accuracy"]},
            "validation",
        )
        for writer in self._writers.values():
            writer.flush()

    def batch(self, batch: dict[str, tf.Tensor], labels: tuple[str, ...]) -> None:
        """Draws the first clips of a batch with their labels."""
        if not self._writes:
            return
        titles = [labels[label] for label in batch["label"].numpy()]
        if "boundary" in batch:
            titles = [
                title if position < 0 else f"{title} at {position:g}"
                for title, position in zip(titles, batch["boundary"].numpy(), strict=True)
            ]
        picture = batch_picture(batch["frames"].numpy(), titles, SHOWN_CLIPS)
        with atomic_write(self._picture) as file:
            imsave(file, picture, format="png")
        with self._writers["train"].as_default(step=0):
            tf.summary.image("training_batch", picture[np.newaxis])
