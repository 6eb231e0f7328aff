"""Checkpoints of a run: never picked up half; the one before if the newest is bad.

TensorFlow lists a checkpoint in the file `checkpoint` when its files are whole, and only listed
ones are looked at; contents carry checksums. The chief writes, all workers restore the same. The
input needs no place in it: the batches after step s are a function of the seed and s.
"""

import contextlib
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from bsp_tf.base.errors import InputError, cannot_read
from bsp_tf.base.output_lock import refuse_pattern
from bsp_tf.runs.cluster import Cluster
from bsp_tf.runs.run_folder import RunFolder

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


def newest_checkpoint(folder: str | os.PathLike) -> str | None:
    """Path of the newest checkpoint in a folder; None: there is none.

    Raises:
        InputError: TensorFlow takes the path for a pattern.
    """
    refuse_pattern(folder)
    return tf.train.latest_checkpoint(str(folder))


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
    with _named_if_damaged(path, config):
        status = checkpoint.restore(path)
        if whole:
            status.assert_consumed()
        else:
            status.expect_partial().assert_existing_objects_matched()


@contextlib.contextmanager
def _named_if_damaged(path: str, config: str | os.PathLike) -> Iterator[None]:
    try:
        with cannot_read(path):
            yield
    except InputError as error:
        reason = str(error.__cause__).strip().partition("\n")[0].rstrip(".")
        raise CheckpointError(path, config, reason or type(error.__cause__).__name__) from error


class RunCheckpoints:
    """The "last" checkpoints of a run."""

    def __init__(
        self,
        folder: Path,
        state: Mapping[str, Any],
        cluster: Cluster,
        config: str | os.PathLike,
        name: str = "step",
        newer: Collection[str] = (),
        run: RunFolder | None = None,
    ):
        """Reads what is there; writes nothing.

        Args:
            folder: Where they lie.
            state: Name -> trackable object, the same in every worker.
            cluster: The workers.
            config: The run's config file, for messages.
            name: What the files are called, before "-" and the number.
            newer: Names of `state` that checkpoints made earlier may lack; what is not there stays
                as it is.
            run: The folder of the run, into which what is saved is published.
        """
        self._cluster, self._config, self._state, self._newer = cluster, config, state, newer
        self._run = run or RunFolder(folder)
        self._last = tf.train.CheckpointManager(
            tf.train.Checkpoint(**state), str(folder), max_to_keep=KEPT, checkpoint_name=name
        )

    @property
    def newest(self) -> str | None:
        """Path of the newest checkpoint."""
        self.join()
        return self._last.latest_checkpoint

    def save(self, step: int, wait: bool = False) -> None:
        """Copies the state and returns; the copy is written while training goes on.

        Args:
            step: Number of the checkpoint, higher than all before.
            wait: Whether to return only when it is written.
        """
        if self._cluster.is_chief:
            self._last.save(
                checkpoint_number=step,
                options=tf.train.CheckpointOptions(experimental_enable_async_checkpoint=not wait),
            )
            self.publish()

    def publish(self, wait: bool = False) -> None:
        """Brings the run to its bucket, if its workdir is one; see `RunFolder.publish`.

        Args:
            wait: Whether to return only when it is there.
        """
        if self._cluster.is_chief:
            self._run.publish(self.join, wait)

    def share(self) -> None:
        """Returns when all workers see what the chief has written; all must call it."""
        self.publish(wait=True)
        self._cluster.wait_for_all()
        if not self._cluster.is_chief:
            self._run.fetch()

    def join(self) -> None:
        """Returns when what was saved is on disk."""
        self._last.sync()

    def restore(self) -> str | None:
        """Restores the newest checkpoint that all workers can read; its path, or None.

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

    def _present(self, path: str) -> tf.train.Checkpoint:
        """The state without those of the newer objects that the file lacks."""
        if not self._newer:
            return self._last.checkpoint
        with _named_if_damaged(path, self._config):
            keys = {key.partition("/")[0] for key, _ in tf.train.list_variables(path)}
        absent = {name for name in self._newer if name not in keys}
        return tf.train.Checkpoint(
            **{name: value for name, value in self._state.items() if name not in absent}
        )

    def _restore_newest(self, paths: Mapping[int, str]) -> int:
        """Restores the newest readable of `paths`; returns its step."""
        problems = []
        for step, path in sorted(paths.items(), reverse=True):
            try:
                restore_checkpoint(self._present(path), path, self._config, whole=True)
                return step
            except CheckpointError as error:
                problems.append(error)
                where = self._run.shown(path)
                print(
                    f"warning: checkpoint {where} is passed over ({error.reason})", file=sys.stderr
                )
        raise problems[0]
