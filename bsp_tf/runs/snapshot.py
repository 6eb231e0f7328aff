"""The files of a run at one moment, while it goes on to replace and delete them.

A run writes the last checkpoint, evaluates, writes the best one and then the row of the epoch.
Whoever goes on from a snapshot must find no row without its best checkpoint, and all rows before
its last one; rows behind that are dropped and made again. As files change while they are linked,
they are linked in the order last, rows, best. What says that the run is finished is looked for
before all.
"""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from bsp_tf.base.remote_path import FileFacts
from bsp_tf.runs.workdir import BEST, CHECKPOINTS, CONFIG, FINISHED, LAST, checkpoint_folder

# TensorFlow lists checkpoints there; while it deletes one, the list names it for a moment more.
LIST = "checkpoint"
_ATTEMPTS, _WAIT_SECONDS = 100, 0.05


class Snapshot:
    """Links to the files of a run; those that it only adds to go on growing.

    Attributes:
        local: The folder of the run.
        place: Where the links are.
        facts: Relative name -> size and time of each file when it was linked.
    """

    def __init__(self, local: Path, place: Path) -> None:
        self.local, self.place = local, place
        self.facts: dict[str, FileFacts] = {}

    def take(self) -> tuple[list[str], ...]:
        """Links the files of a consistent run: of the best checkpoint, others, last, finished."""
        self.facts = {}
        finished = [name for name in FINISHED if (self.local / name).exists()]
        last = self._take_checkpoints(LAST)
        others = [name for name in self._other_files() if self._link(self.local / name)]
        # Where config.json is, the names of the classes are, too.
        others.sort(key=lambda name: (name == CONFIG, name))
        best = self._take_checkpoints(BEST)
        return best, others, last, [name for name in finished if self._link(self.local / name)]

    def _other_files(self) -> Iterator[str]:
        for folder, folders, names in os.walk(self.local):
            if Path(folder) == self.local:
                folders[:] = [name for name in folders if name != CHECKPOINTS]
                names = [name for name in names if name not in FINISHED]
            for name in names:
                # Locks, and what is not whole yet.
                if not name.startswith("."):
                    yield Path(folder, name).relative_to(self.local).as_posix()

    def _take_checkpoints(self, which: str) -> list[str]:
        """Names of the files of all listed checkpoints, and behind them of the list."""
        folder = checkpoint_folder(self.local, which)
        for attempt in range(_ATTEMPTS):
            if not self._link(folder / LIST):
                return []
            found = tf.train.get_checkpoint_state(str(checkpoint_folder(self.place, which)))
            paths = found.all_model_checkpoint_paths if found else ()
            files = [file for path in paths for file in _files_of(folder / os.path.basename(path))]
            linked = [file for file in files if self._link(file)]
            # One that is missing for good was so in the bucket.
            if len(linked) == len(files) or attempt == _ATTEMPTS - 1:
                break
            time.sleep(_WAIT_SECONDS)
        return [file.relative_to(self.local).as_posix() for file in (*linked, folder / LIST)]

    def _link(self, file: Path) -> bool:
        """Links a file into the folder to be sent; False: it is not there."""
        name = file.relative_to(self.local).as_posix()
        place = self.place / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        try:
            self.facts[name] = facts_of(file)
            try:
                os.link(file, place)
            except FileNotFoundError:
                raise
            except OSError:
                # A file system without links.
                shutil.copy2(file, place)
        except FileNotFoundError:
            return False
        return True


def facts_of(file: Path) -> FileFacts:
    """Size and time of a local file."""
    about = file.stat()
    return FileFacts(about.st_size, about.st_mtime_ns)


def _files_of(checkpoint: Path) -> list[Path]:
    """The files that a checkpoint must have."""
    data = sorted(checkpoint.parent.glob(f"{checkpoint.name}.data-*-of-*"))
    count = int(data[0].name[-5:]) if data else 1
    shards = [f"{checkpoint.name}.data-{i:05}-of-{count:05}" for i in range(count)]
    return [checkpoint.parent / name for name in (*shards, f"{checkpoint.name}.index")]
