"""The JSON file of the answers about many videos: kept while a run lasts, gone on with later.

    {"version", "results": {id: answer}, ..., "external_data": {"settings", "inputs",
     "videos": {id: what is known of it}, "failures": {path: reason}}}

"results", and other sections where a command has them, hold a line for each video. In "videos"
stands what metadata.json of features has, "uri" (where the file lay, seen from this one), and
"complete"; where that is false, the answer is about the video up to "until_seconds".
"""

import json
from collections.abc import Mapping
from typing import Any

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import UserPath
from bsp_tf.base.settings import finished_output, is_unchanged
from bsp_tf.features.video_ids import printable
from bsp_tf.localization.detection_file import VERSION
from bsp_tf.video.file_uri import relative_uri

RESULTS, CURVES = "results", "curves"


class AnswerFile:
    """The answers so far, in memory and on disk.

    Attributes:
        path: The file, here or in a bucket.
        is_there: Whether the answers that are in memory have been in the file.
        sections: Name of a section -> video id -> JSON value.
        videos: Video id -> what is known of it.
        asked: Ids of the videos of this run.
        failures: Path -> reason, of this run.
    """

    def __init__(
        self, path: UserPath, settings: Mapping[str, Any], inputs: Mapping[str, str]
    ) -> None:
        """Takes what is in the file already, if it is of the same settings and inputs.

        Args:
            path: The file, which need not be there.
            settings: What the user asked for; JSON values.
            inputs: Digests of all but the videos that decides the answers.

        Raises:
            InputError: the file was made with other settings, or by another program.
        """
        self.path, self._settings, self._inputs = path, dict(settings), dict(inputs)
        self.sections: dict[str, dict[str, Any]] = {RESULTS: {}}
        self.videos: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.failures: dict[str, str] = {}
        found = finished_output(path, settings, inputs)
        self.is_there = found is not None
        if found is not None:
            self.videos = found["external_data"]["videos"]
            self.sections = {
                name: value
                for name, value in found.items()
                if name not in ("version", "external_data")
            }

    def of_asked(self, section: str = RESULTS) -> dict[str, Any]:
        """The values of a section for the videos of this run."""
        values = self.sections[section]
        return {name: values[name] for name in self.asked if name in values}

    def holds(self, name: str, path: UserPath) -> bool:
        """Whether there is the whole answer about a video.

        Raises:
            InputError: there is one about another file of this id, or of other content.
        """
        about = self.videos.get(name)
        if about is None or not about["complete"]:
            return False
        if not is_unchanged(path, about["source"]):
            raise InputError(
                f"{self.path} holds an answer about {name!r}, a file {about['file']!r} of other "
                f"content than {path}: give another --output, or delete it."
            )
        return True

    def add(
        self, name: str, answer: Mapping[str, Any], about: Mapping[str, Any], complete: bool
    ) -> None:
        """Takes the answer about a video, one value for each section."""
        for section, value in answer.items():
            self.sections.setdefault(section, {})[name] = value
        seconds = {} if complete else {"until_seconds": about["duration_seconds"]}
        self.videos[name] = {**about, "complete": complete, **seconds}

    def locate(self, name: str, path: UserPath) -> None:
        """Notes where the file of a video lies, if there is an answer about it."""
        if name in self.videos:
            self.videos[name]["uri"] = relative_uri(path, self.path.parent)

    def fail(self, name: str, path: UserPath, error: InputError) -> None:
        """Notes why there is no answer about a video; one about a part of it is taken out."""
        for values in (self.videos, *self.sections.values()):
            values.pop(name, None)
        self.failures[printable(str(path))] = printable(str(error).removeprefix(f"{path}: "))

    def write(self) -> None:
        """Writes the file; it is whole at every moment."""
        external = {
            "settings": self._settings,
            "inputs": self._inputs,
            "videos": self.videos,
            "failures": self.failures,
        }
        with atomic_write(self.path, "w") as file:
            file.write(f'{{"version": {_text(VERSION)}')
            for section, values in self.sections.items():
                rows = [f"\n{_text(name)}: {_text(value)}" for name, value in values.items()]
                file.write(f",\n{_text(section)}: {{{','.join(rows)}\n}}")
            file.write(f',\n"external_data": {_text(external)}}}\n')
        self.is_there = True

    def describe(self) -> str:
        """What the file holds now, in one line; may be called from another thread."""
        parts = {
            name: about["until_seconds"]
            for name, about in dict(self.videos).items()
            if not about["complete"]
        }
        text = "".join(f", {name} up to second {end:.1f}" for name, end in parts.items())
        whole = len(self.videos) - len(parts)
        return f"{self.path}: {whole} video{'s' * (whole != 1)}{text}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
