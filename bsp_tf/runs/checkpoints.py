"""Checkpoints of a run: never picked up half; the one before if the newest is bad.

TensorFlow lists a checkpoint in the file `checkpoint` when its files are whole, and only listed
ones are looked at; contents carry checksums. The chief writes, all workers restore the same. The
input needs no place in it: the batches after step s are a function of the seed and s.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.runs.cluster import Cluster

KEPT = 2


class CheckpointError(InputError):
    """A checkpoint is damaged or of another model; `reason` is what TensorFlow says."""

    def __init__(self, path: str, config: str | os.PathLike, reason: str):
        """Words the message.

        Args:
            path: Prefix of the checkpoint's files.
            config: The config file that the model was made from.
            reason: What TensorFlow says, one line.
        """
        self.reason = reason
        super().__init__(
            f"checkpoint {path} does not fit the model of {config} or is damaged ({reason}). "
            "Train again in a new workdir."
        )


def restore_checkpoint(
    checkpoint: tf.train.Checkpoint, path: str, config: str | os.PathLike, whole: bool = False
) -> None:
    """Restores `path` into `checkpoint`.

    Args:
        checkpoint: The objects to fill; each must be in the file.
        path: Prefix of the checkpoint's files.
        config: The config file that the objects were made from, for the message.
        whole: Whether everything in the file must also have its object, as when a run is resumed.

    Raises:
        CheckpointError: a file of it is missing, cut or damaged, or it was written by another
            model.
    """
    try:
        status = checkpoint.restore(path)
        if whole:
            status.assert_consumed()
        else:
            status.expect_partial().assert_existing_objects_matched()
    # TensorFlow tells of a cut file with IndexError.
    except (AssertionError, IndexError, ValueError, tf.errors.OpError) as error:
        raise CheckpointError(
            path, config, str(error).strip().splitlines()[0].rstrip(".")
        ) from error


class RunCheckpoints:
    """The "last" checkpoints of a run."""

    def __init__(
        self, folder: Path, state: Mapping[str, Any], cluster: Cluster, config: str | os.PathLike
    ):
        """Reads what is there; writes nothing.

        Args:
            folder: Where they lie.
            state: Name -> trackable object, the same in every worker.
            cluster: The workers.
            config: The run's config file, for messages.
        """
        self._cluster, self._config = cluster, config
        self._last = tf.train.CheckpointManager(
            tf.train.Checkpoint(**state), str(folder), max_to_keep=KEPT, checkpoint_name="step"
        )

    @property
    def newest(self) -> str | None:
        """Path of the newest checkpoint."""
        self.join()
        return self._last.latest_checkpoint

    def save(self, step: int) -> None:
        """Copies the state and returns; the copy is written while training goes on."""
        if self._cluster.is_chief:
            self._last.save(
                checkpoint_number=step,
                options=tf.train.CheckpointOptions(experimental_enable_async_checkpoint=True),
            )

    def join(self) -> None:
        """Returns when what was saved is on disk."""
        self._last.sync()

    def restore(self) -> str | None:
        """Restores the newest checkpoint that every worker can read; returns its path, None if
        there is none at all.

        A damaged one is passed over with a warning on stderr. All workers must call it.

        Raises:
            CheckpointError: there are checkpoints but none can be read.
        """
        paths = {int(path.rpartition("-")[2]): path for path in self._last.checkpoints}
        while paths:
            steps = self._cluster.gather(self._restore_newest(paths))
            if len(set(steps)) == 1:
                return paths[steps[0]]
            paths = {step: path for step, path in paths.items() if step <= min(steps)}
        return None

    def _restore_newest(self, paths: Mapping[int, str]) -> int:
        """Restores the newest readable of `paths`; returns its step."""
        problems = []
        for step, path in sorted(paths.items(), reverse=True):
            try:
                restore_checkpoint(self._last.checkpoint, path, self._config, whole=True)
                return step
            except CheckpointError as error:
                problems.append(error)
                print(
                    f"warning: checkpoint {path} is passed over ({error.reason})", file=sys.stderr
                )
        raise problems[0]
