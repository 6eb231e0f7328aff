"""The processes that train one model together: which one this is, how they agree on a number."""

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

# What TensorFlow raises in the other workers when one is gone.
LOST_WORKER_ERRORS = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
)


class WorkerLostError(RuntimeError):
    """Another worker is gone; started again on all, the run goes on from the last checkpoint."""

    def __init__(self, error: tf.errors.OpError, run: str = "this run"):
        """Words the message.

        Args:
            error: One of LOST_WORKER_ERRORS. An error of a graph begins with places in the code.
            run: What the workers do together.
        """
        found = re.search("aborted by: (.+)", str(error)) or re.search("(.+)", str(error))
        reason = found[1].split(". ")[0].rstrip(":. ") if found else type(error).__name__
        super().__init__(f"another worker of {run} is gone or cannot be reached ({reason}).")


class Cluster:
    """This process among the workers of a strategy; one process alone is a cluster of one.

    Attributes:
        size: Number of workers.
        index: Of this one; 0 is the chief, who writes the files of the run.
        replicas_here: Replicas (devices) of this worker.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        """Reads the place of this process from the strategy."""
        self._strategy = strategy
        resolver = strategy.cluster_resolver
        tasks = [("worker", 0)]
        if resolver is not None and resolver.cluster_spec():
            jobs = resolver.cluster_spec().as_dict()
            tasks = [(job, i) for job in ("chief", "worker") for i in range(len(jobs.get(job, ())))]
        self.size = len(tasks)
        self.index = tasks.index((resolver.task_type, resolver.task_id)) if self.size > 1 else 0
        self.replicas_here = strategy.num_replicas_in_sync // self.size

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the files of the run."""
        return self.index == 0

    def gather(self, value: int) -> list[int]:
        """The integer of each worker, by worker. All must call it; none goes on before the last."""
        if self.size == 1:
            return [value]
        own = np.where(np.arange(self.size) == self.index, value, 0).astype(np.int64)
        total = self._strategy.experimental_local_results(self._sum(tf.constant(own)))[0]
        return (total.numpy() // self.replicas_here).tolist()

    def any(self, value: bool) -> bool:
        """Whether it is true for any worker."""
        return max(self.gather(int(value))) > 0

    def wait_for_all(self) -> None:
        """Returns when every worker has come here."""
        self.gather(0)

    @contextlib.contextmanager
    def lost_workers_named(self, run: str | os.PathLike) -> Iterator[None]:
        """Turns what TensorFlow raises when another worker is gone into WorkerLostError.

        Args:
            run: What the workers do together, in words or as its folder.
        """
        try:
            yield
        except LOST_WORKER_ERRORS as error:
            if self.size == 1:
                raise
            raise WorkerLostError(error, str(run)) from error

    @tf.function(autograph=False, reduce_retracing=True)
    def _sum(self, values: tf.Tensor) -> Any:
        def share(values):
            # A copy on the replica's device, which the reduction asks for.
            return tf.distribute.get_replica_context().all_reduce(
                tf.distribute.ReduceOp.SUM, tf.identity(values)
            )

        return self._strategy.run(share, args=(values,))
