"""A workdir in a bucket: a local folder in which the run works, and what brings it there.

Buckets know no appends, no renames and no locks, which a run needs. So it works in a folder in the
cache that is made equal to the bucket at its start: the bucket always wins. What the run saves is
sent by one thread beside the training, of a snapshot the files that have changed since they were
sent. A kill may come between two files: so they are sent in the order best checkpoint, rows, last
checkpoint (the reverse of that in which a `snapshot` takes them), of each checkpoint its files
before the list that names them, and behind all what says that the run is finished. At any moment
the bucket holds a run that can be read and gone on with.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import tensorflow as tf

from bsp_tf.base.atomic_file import make_folder
from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_folder
from bsp_tf.base.remote_path import FileFacts, UrlPath, UserPath, cache_folder
from bsp_tf.base.servers.mirror import files_there, mirror, room_for_copy
from bsp_tf.runs.cluster import Cluster, WorkerLostError
from bsp_tf.runs.preemption import PreemptedError
from bsp_tf.runs.progress import TrainingDivergedError
from bsp_tf.runs.run_folder import RunFolder
from bsp_tf.runs.snapshot import LIST, Snapshot, facts_of
from bsp_tf.runs.workdir import BEST, CHECKPOINTS, LAST

# Errors whose message is shown to the user.
TOLD = (InputError, PreemptedError, WorkerLostError, TrainingDivergedError)


class UploadError(InputError):
    """What the run has saved could not be brought into the bucket."""


class RemoteWorkdir(RunFolder):
    """The local folder of a run whose workdir is an address.

    Attributes:
        path: The address.
    """

    def __init__(self, path: UrlPath, place: Path) -> None:
        """Does nothing yet.

        Args:
            path: The address.
            place: Folder of this process alone.
        """
        super().__init__(place / "content" / path.name)
        self.path, self._place, self._staged = path, place, place / "outgoing"
        # Name of each file that is there -> size and time of what is the same here.
        self._sent: dict[str, FileFacts] = {}
        self._sender = ThreadPoolExecutor(1, "upload")
        self._uploads: list[Future[None]] = []
        self._ready: Callable[[], object] | None = None

    def shown(self, text: str) -> str:
        for folder in (self.local, self._place):
            text = text.replace(str(folder), str(self.path))
        return text

    def fetch(self) -> None:
        self._sent = mirror(self.path, self.local, self._place / "partial")

    @contextlib.contextmanager
    def errors_named(self) -> Iterator[None]:
        """Inside the block errors name the address; those of the disk here keep the local path."""
        try:
            yield
        except TOLD as error:
            here = isinstance(error.__cause__, OSError | tf.errors.OpError)
            if not here and not isinstance(error, UploadError):
                error.args = tuple(self.shown(str(part)) for part in error.args)
            raise

    @contextlib.contextmanager
    def published_at_end(self, is_chief: bool) -> Iterator[None]:
        """Leaves the block, however it ends, when all that was saved inside is in the bucket.

        Raises:
            UploadError: it is not, so that no other end of the run may be told.
        """
        try:
            yield
        except UploadError:
            self._ready = None
            raise
        finally:
            try:
                if is_chief and self._ready:
                    self.publish(self._ready, wait=True)
            finally:
                self._sender.shutdown(cancel_futures=True)
                shutil.rmtree(self._staged, ignore_errors=True)

    def publish(self, ready: Callable[[], object], wait: bool = False) -> None:
        self._ready = ready
        # One that has not begun would send what this one sends.
        self._uploads = [upload for upload in self._uploads if not upload.cancel()]
        self._uploads.append(self._sender.submit(self._upload, ready))
        for upload in self._uploads:
            if wait or upload.done():
                upload.result()
        self._uploads = [upload for upload in self._uploads if not upload.done()]

    def _upload(self, ready: Callable[[], object]) -> None:
        ready()
        try:
            with room_for_copy(self.path, self._place):
                shutil.rmtree(self._staged, ignore_errors=True)
                snapshot = Snapshot(self.local, self._staged)
                best, others, last, finished = snapshot.take()
                self._send_checkpoints(snapshot, BEST, best)
                self._send(snapshot, others)
                self._send_checkpoints(snapshot, LAST, last)
                self._send(snapshot, finished)
                self._note_sent()
        except InputError as error:
            raise UploadError(
                f"{error} What the run has saved is in {self.local}: copy that to {self.path}, or "
                "start the same command again to go on from what is there."
            ) from error

    def _send(self, snapshot: Snapshot, names: list[str]) -> None:
        for name in names:
            facts = snapshot.facts[name]
            if facts != self._sent.get(name):
                (self.path / name).upload(snapshot.place / name)
                self._sent[name] = facts

    def _send_checkpoints(self, snapshot: Snapshot, which: str, names: list[str]) -> None:
        """Sends checkpoints and their list, and deletes what the list does not name any more."""
        folder = f"{CHECKPOINTS}/{which}/"
        listed = folder + LIST
        there = {name for name in names if self._sent.get(name) not in (None, snapshot.facts[name])}
        if which == BEST and there - {listed} and listed in self._sent:
            # An evaluation was made again: the list there must not name what is half the new one.
            self._delete(listed)
        self._send(snapshot, names)
        for name in sorted(self._sent.keys() - set(names)):
            if name.startswith(folder):
                self._delete(name)

    def _delete(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)
        del self._sent[name]

    def _note_sent(self) -> None:
        """Gives the files here the times that show the next run here that they are the same."""
        there = files_there(self.path)
        for name, facts in self._sent.items():
            wanted, file = there.get(name), self.local / name
            if wanted and wanted != facts and wanted.st_size == facts.st_size:
                with contextlib.suppress(FileNotFoundError):
                    if facts_of(file) == facts:
                        os.utime(file, ns=(wanted.st_mtime_ns,) * 2)
                        self._sent[name] = wanted


@contextlib.contextmanager
def run_folder(path: UserPath, cluster: Cluster) -> Iterator[RunFolder]:
    """Gives the folder of a run, for the time of the run; what left it is published at its end.

    Of an address each worker has a folder of its own in the cache, locked and made equal to what
    the server has, whatever was here before. Errors that leave the block name the address.

    Args:
        path: The workdir; `refuse_output` has let it pass.
        cluster: The workers.

    Raises:
        InputError: the server refuses or fails; another process of this user has the folder.
    """
    if not isinstance(path, UrlPath):
        yield RunFolder(path)
        return
    place = cache_folder(path, "runs") / str(cluster.index)
    run = RemoteWorkdir(path, place)
    with run.errors_named():
        make_folder(place.parent)
        with lock_folder(place, "--workdir"):
            run.fetch()
            with run.published_at_end(cluster.is_chief):
                yield run
