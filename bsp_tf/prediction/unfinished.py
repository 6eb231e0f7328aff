"""What is known of the one video that an interrupted run was working on, in a folder beside it.

    about.json   whose rows these are, and what is known of the video
    0.npz, ...   its rows, a file for each time that they were saved

Rows are added, so that saving costs no more the longer the video is. A file that was being written
when the run was killed is not there.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bsp_tf.base.array_file import read_npz
from bsp_tf.base.atomic_file import atomic_write, hidden_prefix
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object, write_json
from bsp_tf.features.extraction import VideoRows

ABOUT = "about.json"


class Unfinished:
    """The rows of at most one video, for one output.

    Attributes:
        folder: Where they lie.
    """

    def __init__(self, output: Path, settings: Mapping[str, Any]) -> None:
        """`settings` (JSON values): rows of other settings are of no use."""
        self.folder = output.parent / f"{hidden_prefix(output)}unfinished"
        self._settings = dict(settings)
        self._files = self._saved = 0

    def load(self) -> tuple[str, VideoRows] | None:
        """The id of the video and its rows; None where there are none, or none that can be used.

        To be called before `save`.
        """
        try:
            about = read_json_object(self.folder / ABOUT, "settings", "video", "files", "rows")
            if about["settings"] != self._settings:
                return None
            parts = [read_npz(self.folder / f"{i}.npz") for i in range(about["files"])]
        except InputError:
            return None
        found = VideoRows(
            about=about["about"], num_frames=about["num_frames"], padded=about["padded"]
        )
        for part in parts:
            for name, values in part.items():
                found.rows[name].append(values)
        if found.num_snippets != about["rows"]:
            return None
        self._files, self._saved = about["files"], about["rows"]
        return about["video"], found

    def save(self, video: str, found: VideoRows) -> None:
        """Adds the rows that came since the last time; `found` are all of the video."""
        new = {name: whole[self._saved :] for name, whole in found.arrays().items()}
        with atomic_write(self.folder / f"{self._files}.npz") as file:
            # NumPy's stub takes every keyword for `allow_pickle`.
            np.savez(file, **new)  # type: ignore[arg-type]
        self._files, self._saved = self._files + 1, found.num_snippets
        about = {
            "settings": self._settings,
            "video": video,
            "about": found.about,
            "num_frames": found.num_frames,
            "padded": found.padded,
            "files": self._files,
            "rows": self._saved,
        }
        write_json(self.folder / ABOUT, about)

    def clear(self) -> None:
        """Forgets the video."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._files = self._saved = 0
