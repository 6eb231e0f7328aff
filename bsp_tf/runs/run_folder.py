"""Where a run works: in its workdir or, if that is an address, in a local folder equal to it."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from bsp_tf.base.output_lock import lock_folder
from bsp_tf.runs.cluster import Cluster
from bsp_tf.runs.full_disk import full_disk_named


class RunFolder:
    """A local workdir, which needs nothing beside it.

    Attributes:
        local: The folder in which the run reads and writes.
    """

    def __init__(self, local: Path) -> None:
        self.local = local

    def shown(self, text: str) -> str:
        """A message with what the user gave in place of the local folder."""
        return text

    def publish(self, ready: Callable[[], object], wait: bool = False) -> None:
        """Brings what is there to where the user wants it; the chief alone calls it.

        Args:
            ready: Called before, in another thread: it returns when the newest checkpoint is whole.
            wait: Whether to return only when all is there; else it is sent beside the training.

        Raises:
            InputError: this or something published earlier could not be brought there.
        """

    def fetch(self) -> None:
        """Makes the local folder what the chief has published.

        Raises:
            InputError: the server refuses or fails, or the cache cannot be written.
        """


@contextlib.contextmanager
def working_in(run: RunFolder, cluster: Cluster) -> Iterator[None]:
    """The time in which a run writes: the chief holds the lock, a full disk and lost workers are
    named.

    Raises:
        InputError: another process writes there; the disk was full.
        WorkerLostError: another worker is gone.
    """
    lock = lock_folder(run.local, "--workdir") if cluster.is_chief else contextlib.nullcontext()
    # Making the variables talks to the other workers, too.
    with lock, full_disk_named(run.local), cluster.lost_workers_named(run.local):
        yield
