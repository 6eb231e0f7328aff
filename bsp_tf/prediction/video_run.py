"""The snippet model over many videos, its answers kept while they come, gone on with later."""

import contextlib
import functools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from bsp_tf.base.errors import InputError
from bsp_tf.base.interrupt import at_interrupt
from bsp_tf.base.output_files import check_output_files
from bsp_tf.base.output_lock import lock_output_file
from bsp_tf.base.remote_path import AnyPath, UserPath, is_url
from bsp_tf.base.settings import is_unchanged, refuse_output_inside
from bsp_tf.features.extraction import Run, VideoRows, extract_video, video_events
from bsp_tf.features.video_ids import name_all_videos
from bsp_tf.prediction.answer_file import AnswerFile
from bsp_tf.prediction.unfinished import Unfinished
from bsp_tf.video.stream import VideoError

# Video id, outputs of the model float32 [n, ...] by name, metadata -> a value for each section.
Answer = Callable[[str, Mapping[str, np.ndarray], Mapping[str, Any]], Mapping[str, Any]]

SAVE_EVERY_SECONDS = 10.0
# Saving takes longer the more there is: it is done at most this share of the time.
MOST_TIME_SAVING = 0.05


def find_videos(paths: Sequence[AnyPath], outputs: Mapping[str, AnyPath]) -> dict[str, UserPath]:
    """The videos that a command is given, and whether its outputs are apart from them.

    Args:
        paths: Files and folders.
        outputs: Flag, without its dashes -> the file that it names.

    Returns:
        Id -> file.

    Raises:
        InputError: see `name_all_videos`; an output is a video, lies in one of the folders, or is
            named twice.
    """
    videos = name_all_videos(paths)
    check_output_files(videos.values(), outputs)
    for folder in (path for path in paths if not is_url(path) and os.path.isdir(str(path))):
        for output in outputs.values():
            refuse_output_inside(output, str(folder))
    return videos


def answer_videos(
    videos: Mapping[str, UserPath],
    run: Run,
    snippets: Mapping[str, Any],
    answer: Answer,
    output: UserPath,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
    batch_size: int,
    allow_partial: bool,
) -> AnswerFile:
    """Answers about all videos that the output does not hold yet; the others stay as they are.

    While it runs, the output holds the answers so far, also about the part of a video that is done;
    the rows of that video lie beside it (`Unfinished`). After Ctrl-C, or a kill, the same call goes
    on there, with the same numbers: it decodes that part again, and leaves out the model.

    Args:
        videos: Id -> file.
        run: The snippet model.
        snippets: "window", "frame_step", "stride" and "short_side", see `video_events`.
        answer: From the outputs of the model to the answer about a video, or about its first part.
        output: JSON file, here or in a bucket.
        settings: What the user asked for.
        inputs: Digests of all but the videos that decides the answers.
        batch_size: Snippets in one step of the model.
        allow_partial: Whether the good part of a damaged video counts as the video.

    Returns:
        What is in the output now; videos that failed are among its `failures`.

    Raises:
        InputError: the output is of other settings, holds an answer about another file of the same
            id, is written by another process, or cannot be written.
    """
    with lock_output_file(output) as beside:
        answers = AnswerFile(output, settings, inputs)
        answers.asked = list(videos)
        unfinished = Unfinished(
            beside / output.name, {**settings, **inputs, "batch_size": batch_size}
        )
        waiting = {name: path for name, path in videos.items() if not answers.holds(name, path)}
        num_before = len(videos) - len(waiting)
        if num_before:
            print(f"{num_before} of {len(videos)} videos were finished before")
        known = _known_rows(unfinished, waiting)
        # First, as there are rows of one video only.
        waiting = {name: waiting[name] for name in known} | waiting
        events = video_events(
            waiting, snippets, batch_size, {name: rows.num_snippets for name, rows in known.items()}
        )
        keeper = _Keeper(answers, unfinished, answer)
        with (
            contextlib.closing(events),
            at_interrupt(keeper.tell),
            tqdm(total=len(videos), initial=num_before, desc="videos", unit="video") as bar,
        ):
            for name, path in waiting.items():
                try:
                    arrays, about = extract_video(
                        name,
                        events,
                        run,
                        snippets,
                        allow_partial=allow_partial,
                        found=known.pop(name, None),
                        after_batch=functools.partial(keeper.keep, name),
                    )
                except VideoError as error:
                    keeper.fail(name, path, error)
                else:
                    keeper.finish(name, path, arrays, about)
                bar.update()
        for name, path in videos.items():
            answers.locate(name, path)
        answers.write()
        unfinished.clear()
    return answers


def _known_rows(unfinished: Unfinished, waiting: Mapping[str, UserPath]) -> dict[str, VideoRows]:
    """The id and the rows of the video that an interrupted run was working on, if it waits."""
    name, rows = unfinished.load() or (None, VideoRows())
    if name is None or name not in waiting or not is_unchanged(waiting[name], rows.about["source"]):
        unfinished.clear()
        return {}
    print(f"{name}: goes on at second {rows.num_frames / rows.about['fps']:.1f}")
    return {name: rows}


class _Keeper:
    """Saves, now and then, what is known."""

    def __init__(self, answers: AnswerFile, unfinished: Unfinished, answer: Answer) -> None:
        self._answers, self._unfinished, self._answer = answers, unfinished, answer
        self._next = time.monotonic() + SAVE_EVERY_SECONDS

    def keep(self, name: str, rows: VideoRows) -> None:
        """Saves the part of a video that is done, and the answer about it, if it is time."""
        begun = time.monotonic()
        if begun < self._next:
            return
        self._unfinished.save(name, rows)
        about = rows.describe(partial=True)
        # Where there is no answer about the part, there may be one about the whole.
        with contextlib.suppress(InputError):
            answer = self._answer(name, rows.arrays(), about)
            self._answers.add(name, answer, about, complete=False)
        self._answers.write()
        self._wait(begun)

    def finish(
        self, name: str, path: UserPath, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]
    ) -> None:
        """Takes a whole video."""
        try:
            answer = self._answer(name, arrays, about)
        except InputError as error:
            self.fail(name, path, error)
        else:
            self._answers.add(name, answer, about, complete=True)
            self._settle()

    def fail(self, name: str, path: UserPath, error: InputError) -> None:
        """Takes the reason why there is no answer about a video."""
        self._answers.fail(name, path, error)
        self._settle()

    def _settle(self) -> None:
        """Writes if it is time, or if there are rows on disk: they are of no use any more."""
        begun = time.monotonic()
        if self._unfinished.folder.exists() or begun >= self._next:
            self._answers.write()
            self._unfinished.clear()
            self._wait(begun)

    def tell(self) -> None:
        """Says what Ctrl-C leaves."""
        if self._answers.is_there:
            os.write(2, f"\n{self._answers.describe()}".encode(errors="backslashreplace"))

    def _wait(self, begun: float) -> None:
        now = time.monotonic()
        self._next = now + max(SAVE_EVERY_SECONDS, (now - begun) / MOST_TIME_SAVING)
