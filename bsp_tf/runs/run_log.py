"""What a run shows while it runs: TensorBoard, metrics.jsonl, a picture. Only the chief writes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import tensorflow as tf
from matplotlib.image import imsave
from tqdm import tqdm

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.runs import metrics_log
from bsp_tf.runs import workdir as folder


class RunLog:
    """The log of one run in its workdir."""

    def __init__(self, workdir: Path, writes: bool):
        """Opens the TensorBoard files if this process writes."""
        self._workdir, self._metrics, self._writes = workdir, workdir / folder.METRICS, writes
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

    def scalars(self, step: int, values: Mapping[str, Any], part: str = "train") -> None:
        """Points of TensorBoard's curves; `part` is "train" or "validation"."""
        if self._writes:
            with self._writers[part].as_default(step=step):
                for name, value in values.items():
                    tf.summary.scalar(name, value)

    def epoch(self, row: dict[str, Any], validation: Mapping[str, float], line: str = "") -> None:
        """One finished epoch: its row, its points in TensorBoard, its line on the screen.

        Args:
            row: A line of metrics.jsonl, with "step".
            validation: Name -> value of the curves.
            line: For the screen; "": none.
        """
        if not self._writes:
            return
        metrics_log.append_row(self._metrics, row)
        if line:
            tqdm.write(line)
        self.scalars(row["step"], validation, "validation")
        for writer in self._writers.values():
            writer.flush()

    def picture(self, file: str, image: np.ndarray) -> None:
        """Shows a picture, uint8 [h, w, 3]: as a PNG file of the workdir and in TensorBoard."""
        if not self._writes:
            return
        with atomic_write(self._workdir / file) as opened:
            imsave(cast(BinaryIO, opened), image, format="png")
        with self._writers["train"].as_default(step=0):
            tf.summary.image(Path(file).stem, image[np.newaxis])
