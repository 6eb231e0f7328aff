"""Extraction on the workers of any Apache Beam runner: the features of one machine.

The model is given as a function that loads it, so no TensorFlow is needed here; a worker process
loads it once. Videos and features lie on a file system that all workers share.
"""

import contextlib
import dataclasses
import functools
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object, write_json
from bsp_tf.base.remote_path import UserPath
from bsp_tf.beam.pipelines import pipeline_arguments, run_tasks
from bsp_tf.features.extraction import Run, extract_to, video_events
from bsp_tf.video.stream import VideoError

STATE_FOLDER = ".extract"
# Fields of the file that says what came of a video: one of them is there.
_ABOUT, _REASON = "about", "reason"
_loading = threading.Lock()


class Model(Protocol):
    """What is needed of a snippet model."""

    @property
    def sha256(self) -> str: ...

    def run(self, frames: np.ndarray, /) -> Mapping[str, np.ndarray]: ...


Load = Callable[[str, bool], Model]
Result = dict[str, Any] | VideoError


@dataclasses.dataclass(frozen=True)
class BeamExtraction:
    """What is the same for all videos.

    Attributes:
        load: loads a model, given its folder and `trust_model`; a function of a module.
        model_path, trust_model: for `load`.
        settings: as for `extraction.video_events`, and "model_sha256".
        output: feature folder.
        batch_size: snippets per step of the model.
        allow_partial: keep the good part of damaged videos.
    """

    load: Load
    model_path: str
    trust_model: bool
    settings: Mapping[str, Any]
    output: str
    batch_size: int
    allow_partial: bool

    def with_full_names(self) -> "BeamExtraction":
        """The same for workers, which may have another current folder."""
        return dataclasses.replace(
            self, model_path=os.path.abspath(self.model_path), output=os.path.abspath(self.output)
        )


@dataclasses.dataclass(frozen=True)
class VideoTask:
    """One video: its id, its path as it was given, and in full; `result`: what came of it."""

    name: str
    given: str
    path: str
    result: str


def extract_with_beam(
    videos: Mapping[str, UserPath], extraction: BeamExtraction, options: str
) -> Iterator[tuple[str, Result]]:
    """Extracts videos into the feature folder.

    Args:
        videos: id -> file.
        extraction: the rest.
        options: Beam's pipeline options, see `pipeline_arguments`.

    Yields:
        (id, entry of metadata.json or why the video failed), as they are done.

    Raises:
        InputError: Beam is not installed, or the pipeline ended without all videos.
    """
    arguments = pipeline_arguments(options)
    extraction = extraction.with_full_names()
    state = Path(extraction.output, STATE_FOLDER)
    # What a killed run left. Its pipeline may live on: results go to a folder of this run.
    shutil.rmtree(state, ignore_errors=True)
    folder = state / uuid.uuid4().hex
    tasks = [
        VideoTask(
            name, str(path), os.path.abspath(str(path)), str(folder / "results" / f"{name}.json")
        )
        for name, path in videos.items()
    ]
    try:
        if tasks:
            results: Iterator[tuple[VideoTask, Result]] = run_tasks(
                {Path(task.result): task for task in tasks},
                _outcome,
                functools.partial(video_worker, extraction),
                folder / "tasks",
                arguments,
            )
            for task, outcome in results:
                Path(task.result).unlink()
                yield task.name, outcome
    finally:
        shutil.rmtree(state, ignore_errors=True)


@contextlib.contextmanager
def video_worker(extraction: BeamExtraction) -> Iterator[Callable[[VideoTask], None]]:
    """What does the videos of one worker, with the model of this process.

    Raises:
        InputError: no model there, or another one.
    """
    sha256 = extraction.settings["model_sha256"]
    with _loading:
        model = _load_once(extraction.load, extraction.model_path, extraction.trust_model, sha256)
    if model.sha256 != sha256:
        raise InputError(
            f"{extraction.model_path} is another model here than where the run was started: give "
            "all workers the same."
        )
    yield functools.partial(extract_task, extraction=extraction, run=model.run)


def extract_task(task: VideoTask, extraction: BeamExtraction, run: Run) -> None:
    """Extracts one video and says in its file what came of it; does nothing if that is there.

    Raises:
        InputError: the features cannot be written, or hold NaN or infinity.
    """
    if os.path.exists(task.result):
        return
    events = video_events({task.name: Path(task.path)}, extraction.settings, extraction.batch_size)
    try:
        with contextlib.closing(events):
            about = extract_to(
                Path(extraction.output),
                task.name,
                events,
                run,
                extraction.settings,
                extraction.allow_partial,
            )
        result: dict[str, Any] = {_ABOUT: about}
    except VideoError as error:
        result = {_REASON: str(error).replace(task.path, task.given)}
    write_json(task.result, result)


@functools.lru_cache(maxsize=1)
def _load_once(load: Load, path: str, trust: bool, sha256: str) -> Model:
    """The model; `sha256` asks anew for one that replaced another."""
    del sha256
    return load(path, trust)


def _outcome(task: VideoTask) -> Result:
    result = read_json_object(task.result)
    return VideoError(result[_REASON]) if _REASON in result else result[_ABOUT]
