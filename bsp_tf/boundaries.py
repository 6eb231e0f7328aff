"""Finds the boundaries in videos with an exported model.

    python -m bsp_tf.boundaries VIDEO... --model=runs/two_stream

VIDEO is a video file or a folder of them. Slides a window (8 frames for most models) over each
video and takes the boundary-type probabilities of the model; boundaries are the peaks of 1 - p(no
boundary). Prints time, type and score, and writes them to --output, for each video as [{"time":
seconds, "type", "score"}], with the probabilities along the video under "curves", and to --csv.
Beside the output lies a page with a player and a timeline.

    --stride=4          source frames from one window to the next; 0: half a window
    --frame_step=1      source frames between the frames of a window
    --threshold=0.5     least 1 - p(no boundary)
    --min_distance=0.5  seconds that boundaries are apart at least; the higher one wins
    --nopage            no page beside the output; needed if that is s3://, gs:// or the like
    --live              a stream, see below
    --trust_model       load a SavedModel whose graph may read or write files (SECURITY.md)

A peak is placed between windows by a parabola; a model that was trained to place boundaries
(boundary.place) says the frame itself. The output is kept while the command runs, and says up to
which second of a video it goes. After Ctrl-C, or a kill, the same command goes on there. Videos
that the output holds already are not done again; more videos are added to it. A damaged or
unreadable video is named, and the others go on; with --allow_partial its good part counts.
Exit status: 0 all done; 3 done, but some videos failed; 2 bad input.

    python -m bsp_tf.boundaries --live --model=runs/two_stream < camera.ts
    python -m bsp_tf.boundaries --live rtsp://camera/stream --model=runs/two_stream

With --live it reads one stream, from standard input or a URL, and prints each boundary, a line at
once, as soon as no later one can take its place: --min_distance after it. Nothing is written. A
model whose streams were trained with model.shift=past sees each frame once and answers after each;
any other sees windows as above. The end of the stream ends it with status 0.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import given_path
from bsp_tf.base.servers.local_copy import local_copies
from bsp_tf.player.page import page_beside, write_page
from bsp_tf.player.page_data import page_data
from bsp_tf.prediction.answer_file import CURVES, RESULTS, AnswerFile
from bsp_tf.prediction.boundary_list import (
    Timing,
    check_types,
    describe_curve,
    find_boundaries,
)
from bsp_tf.prediction.live_boundaries import (
    live_boundaries,
    windows_of_snippets,
    windows_of_steps,
)
from bsp_tf.prediction.tables import (
    boundary_line,
    report_failures,
    show_boundaries,
    write_boundaries_csv,
)
from bsp_tf.prediction.video_run import answer_videos, find_videos
from bsp_tf.video.live import STANDARD_INPUT, check_source, open_live

if TYPE_CHECKING:
    from bsp_tf.models.snippet_model import SnippetModel

FLAGS = flags.FLAGS

# Flags of what --live does not do.
FILE_FLAGS = ("output", "csv", "page", "batch_size", "allow_partial")


def find_all_boundaries(
    videos: Sequence[str | os.PathLike],
    model_path: str | os.PathLike,
    output: str | os.PathLike,
    *,
    csv: str | os.PathLike | None = None,
    stride: int = 0,
    frame_step: int = 1,
    threshold: float = 0.5,
    min_distance: float = 0.5,
    batch_size: int = 16,
    allow_partial: bool = False,
    trust_model: bool = False,
) -> AnswerFile:
    """Writes the boundaries of all videos that `output` does not hold yet.

    Args:
        videos: files and folders.
        model_path: SavedModel with a boundary stream, here or in a bucket.
        output: JSON file, here or in a bucket.
        csv: table to write of all that is in `output`; None: none.
        stride: source frames from one window to the next; 0: half a window.
        frame_step: source frames between the frames of a window.
        threshold: least 1 - p(no boundary), in [0, 1].
        min_distance: seconds.
        batch_size: windows in one step of the model.
        allow_partial: keep the good part of damaged videos.
        trust_model: load it even if its graph may read or write files.

    Returns:
        What is in `output` now.

    Raises:
        InputError: no video, no such model, a model that cannot tell boundaries, or see
            `answer_videos`.
    """
    named = find_videos(videos, {"output": output} | ({"csv": csv} if csv else {}))
    model = _load_boundary_model(model_path, trust_model)
    types = model.labels["boundary"]
    window = int(model.config["num_frames"])
    snippets = model.extraction_settings(frame_step, stride or max(window // 2, 1), None)

    def run(frames: np.ndarray) -> dict[str, np.ndarray]:
        return {
            name: values
            for name, values in model.run(frames).items()
            if name in ("boundary", "place")
        }

    def answer(
        name: str, outputs: Mapping[str, np.ndarray], about: Mapping[str, Any]
    ) -> dict[str, Any]:
        del name
        timing = Timing(window, frame_step, snippets["stride"], about["fps"])
        found = find_boundaries(
            outputs["boundary"],
            types,
            timing,
            threshold,
            min_distance,
            about["duration_seconds"],
            outputs.get("place"),
        )
        return {RESULTS: found, CURVES: describe_curve(outputs["boundary"], types, timing)}

    settings = {
        "model": os.fspath(model_path),
        **{key: snippets[key] for key in ("window", "frame_step", "stride", "short_side")},
        "threshold": threshold,
        "min_distance": min_distance,
        "types": types,
        "allow_partial": allow_partial,
    }
    answers = answer_videos(
        named,
        run,
        snippets,
        answer,
        given_path(output),
        settings,
        {"model": model.sha256},
        batch_size,
        allow_partial,
    )
    if csv:
        write_boundaries_csv(csv, answers.sections[RESULTS])
    return answers


def find_live_boundaries(
    source: str,
    model_path: str | os.PathLike,
    *,
    stride: int = 0,
    frame_step: int = 1,
    threshold: float = 0.5,
    min_distance: float = 0.5,
    trust_model: bool = False,
) -> Iterator[dict[str, Any]]:
    """The boundaries of a live stream, each as soon as it is certain.

    Args:
        source: "-" for standard input, or a URL.
        model_path, stride, frame_step, threshold, min_distance, trust_model: as of
            `find_all_boundaries`; a model that sees each frame once has no stride.

    Yields:
        {"time": seconds from the start of the stream, "type", "score"}.

    Raises:
        InputError: another source, no such model, or the stream cannot be read.
    """
    check_source(source)
    model = _load_boundary_model(model_path, trust_model)
    if model.stream and stride:
        raise InputError(
            f"{model_path} sees each frame once and answers after each: leave out --stride."
        )
    window = int(model.config["num_frames"])
    step = frame_step if model.stream else stride or max(window // 2, 1)
    with open_live(source, model.short_side) as (fps, frames):
        timing = Timing(window, frame_step, step, fps)
        windows = (
            windows_of_steps(frames, model.run_stream, timing)
            if model.stream
            else windows_of_snippets(frames, model.run, timing)
        )
        types = model.labels["boundary"]
        yield from live_boundaries(windows, types, timing, threshold, min_distance)


def _load_boundary_model(path: str | os.PathLike, trust: bool) -> "SnippetModel":
    # Imported here: TensorFlow takes seconds to load, a mistyped flag should be told at once.
    from bsp_tf.models.snippet_model import load_snippet_model

    with local_copies(path) as copies:
        model = load_snippet_model(copies.names[0], trust)
    if "boundary" not in model.labels:
        raise InputError(f"{path} has no boundary stream: export one (bsp_tf.export).")
    check_types(model.labels["boundary"], str(path))
    return model


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string(
        "model", None, "SavedModel with a boundary stream (bsp_tf.export).", required=True
    )
    flags.DEFINE_string("output", "boundaries.json", "JSON file to write, or to add to.")
    flags.DEFINE_string("csv", None, "Table to write: video, time, type, score.")
    flags.DEFINE_integer(
        "stride", 0, "Source frames between windows; 0: half a window.", lower_bound=0
    )
    flags.DEFINE_integer(
        "frame_step", 1, "Source frames between the frames of a window.", lower_bound=1
    )
    flags.DEFINE_float(
        "threshold", 0.5, "Least 1 - p(no boundary).", lower_bound=0.0, upper_bound=1.0
    )
    flags.DEFINE_float(
        "min_distance", 0.5, "Seconds that boundaries are apart at least.", lower_bound=0.0
    )
    flags.DEFINE_boolean("live", False, "Read one stream: standard input, or a URL.")
    flags.DEFINE_boolean("page", True, "Write a page with a player beside the output.")
    flags.DEFINE_integer("batch_size", 16, "Windows per step of the model.", lower_bound=1)
    flags.DEFINE_boolean("allow_partial", False, "Keep the good part of damaged videos.")
    flags.DEFINE_boolean(
        "trust_model", False, "Load a SavedModel whose graph may read or write files."
    )


def main(argv: Sequence[str]) -> int:
    """Runs the command with the parsed flags and returns the exit status."""
    if FLAGS.live:
        return _print_live(argv[1:])
    page = page_beside(FLAGS.output) if FLAGS.page else None
    answers = find_all_boundaries(
        argv[1:],
        FLAGS.model,
        FLAGS.output,
        csv=FLAGS.csv,
        stride=FLAGS.stride,
        frame_step=FLAGS.frame_step,
        threshold=FLAGS.threshold,
        min_distance=FLAGS.min_distance,
        batch_size=FLAGS.batch_size,
        allow_partial=FLAGS.allow_partial,
        trust_model=FLAGS.trust_model,
    )
    print(show_boundaries(answers.of_asked()))
    print(answers.describe())
    if page:
        write_page(page, page_data("boundaries", answers.sections, answers.videos))
        print(f"{page}: open it in a browser")
    return report_failures(answers)


def _print_live(sources: Sequence[str]) -> int:
    if len(sources) > 1:
        raise InputError(f"--live reads one stream, not {len(sources)}.")
    if given := [f"--{name}" for name in FILE_FLAGS if FLAGS[name].present]:
        raise InputError(f"--live only prints: leave out {', '.join(given)}.")
    found = find_live_boundaries(
        sources[0] if sources else STANDARD_INPUT,
        FLAGS.model,
        stride=FLAGS.stride,
        frame_step=FLAGS.frame_step,
        threshold=FLAGS.threshold,
        min_distance=FLAGS.min_distance,
        trust_model=FLAGS.trust_model,
    )
    for boundary in found:
        print(boundary_line(boundary))
    return 0


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags, most_arguments=None)


if __name__ == "__main__":
    run()
