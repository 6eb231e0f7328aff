"""Extracts snippet features of videos with a two-stream SavedModel.

    python -m bsp_tf.extract --model=runs/two_stream --videos=sample/videos --output=features

--model, --videos and --output may be s3://, gs:// and the like (docs/training.md).
Reads only the SavedModel and the videos (a folder, or one file; every file that is not hidden
counts). Writes `features/<video_id>.npy`, `features/probabilities/<video_id>.npz`,
`features/metadata.json` and `features/failures.csv` (format: bsp_tf/features/store.py). The id is
the file name without suffix; where two files would get the same id, theirs are the paths below
--videos with the suffix, "/" written "__".

    --snippets=paper    8 consecutive frames, as in the BSP paper; lofi: every 8th of 64 frames, as
                        in LoFi (Xu et al., NeurIPS 2021); both start a snippet every 8 frames
    --frame_step=1      source frames between the frames of a snippet (default: of --snippets)
    --stride=8          source frames between the starts of snippets (default: of --snippets)
    --allow_partial     keep the features of what can be decoded of a damaged video (metadata:
                        partial = true); without it such a video is listed in failures.csv, and a
                        folder that holds such features is refused
    --batch_size=16     snippets per step of the model
    --trust_model       load a SavedModel whose graph may read or write files (SECURITY.md)
    --runner=beam       many machines, with Apache Beam: the same files (docs/scale.md)

Frames are scaled on decoding to the short side that the model resizes to anyway (--short_side=0
leaves the whole resize to the model: slower, and slightly other numbers). Decoding runs in its own
thread, a few batches ahead at most, so memory does not grow with the length of a video but for its
features. Finished videos are not done again; failed ones are tried again. Exit status: 0 all done;
3 done, but some videos failed; 2 bad input.
"""

import contextlib
import csv
import dataclasses
import io
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags
from tqdm import tqdm

from bsp_tf.base.atomic_file import atomic_write, remove_partial_files
from bsp_tf.base.command_line import run_command
from bsp_tf.base.output_lock import lock_output, refuse_output
from bsp_tf.base.remote_path import AnyPath, UserPath, given_path
from bsp_tf.base.servers.local_copy import local_copies
from bsp_tf.base.settings import refuse_output_inside
from bsp_tf.beam.pipelines import define_runner_flags, refuse_servers
from bsp_tf.features import reuse
from bsp_tf.features.beam_extraction import BeamExtraction, extract_with_beam
from bsp_tf.features.extraction import extract_to, video_events
from bsp_tf.features.store import PROBABILITIES_FOLDER, finished_videos, write_metadata
from bsp_tf.features.video_ids import name_videos
from bsp_tf.video.stream import VideoError

if TYPE_CHECKING:
    from bsp_tf.models.snippet_model import SnippetModel

FLAGS = flags.FLAGS

SOME_FAILED_STATUS = 3
FAILURES_FILE = "failures.csv"
METADATA_EVERY_SECONDS, METADATA_SHARE = 30.0, 20
# Of models that see 8 frames.
SNIPPETS = {"paper": {"frame_step": 1, "stride": 8}, "lofi": {"frame_step": 8, "stride": 8}}


def extract(
    model_path: str | os.PathLike,
    videos: AnyPath,
    output: AnyPath,
    *,
    snippets: str = "paper",
    frame_step: int | None = None,
    stride: int | None = None,
    batch_size: int = 16,
    allow_partial: bool = False,
    short_side: int | None = None,
    trust_model: bool = False,
    runner: str = "local",
    beam_options: str = "",
) -> tuple[int, list[tuple[str, str]]]:
    """Extracts the features of all videos that are not finished yet.

    Args:
        model_path: two-stream SavedModel, here or in a bucket.
        videos: folder of videos, or one file; here or on a server.
        output: feature folder, here or in a bucket.
        snippets: name in SNIPPETS.
        frame_step: source frames between the frames of a snippet; None: those of `snippets`.
        stride: source frames between the starts of snippets; None: those of `snippets`.
        batch_size: snippets per step of the model.
        allow_partial: keep the good part of damaged videos.
        short_side: see the flag; None: what the model resizes to.
        trust_model: load it even if its graph may read or write files.
        runner: who does the work, "local" or "beam"; it changes nothing in the output.
        beam_options: Beam's pipeline options, see `pipelines.pipeline_arguments`.

    Returns:
        (number of videos with features, failures as (path, reason)).
    Raises:
        InputError: no model, no video, `output` inside `videos`, or features of another model or
            other settings in it, or another process that writes to it; or Beam failed.
    """
    paths = name_videos(videos)
    refuse_output_inside(output, videos)
    output = given_path(output)
    refuse_output(output)
    if runner == "beam":
        refuse_servers(model_path, videos, output)
    # Imported here: TensorFlow takes seconds to load, a mistyped flag should be told at once.
    from bsp_tf.models.snippet_model import load_snippet_model

    with local_copies(model_path) as copies:
        model = load_snippet_model(copies.names[0], trust_model)
    model = dataclasses.replace(model, path=os.fspath(model_path))
    usual = SNIPPETS[snippets]
    settings = model.extraction_settings(
        frame_step or usual["frame_step"], stride or usual["stride"], short_side
    )
    with lock_output(output):
        reuse.refuse_other_features(output, settings)
        finished = finished_videos(output)
        reuse.refuse_partial_features(output, finished, allow_partial)
        waiting = {
            name: path
            for name, path in paths.items()
            if not reuse.is_finished(name, path, finished, output)
        }
        num_before = len(paths) - len(waiting)
        if num_before:
            print(f"{num_before} of {len(paths)} videos were finished before")
        if runner == "beam":
            extraction = BeamExtraction(
                load_snippet_model,
                os.fspath(model_path),
                trust_model,
                settings,
                str(output),
                batch_size,
                allow_partial,
            )
            results = extract_with_beam(waiting, extraction, beam_options)
        else:
            results = _extract_here(waiting, model, settings, output, batch_size, allow_partial)
        failures = _collect(results, waiting, num_before, finished, settings, output)
        # Of runs and of workers that were killed.
        remove_partial_files(output, output / PROBABILITIES_FOLDER)
        _write_failures(output, failures)
        return len(paths) - len(failures), failures


def _collect(
    results: Iterator[tuple[str, dict[str, Any] | VideoError]],
    waiting: Mapping[str, UserPath],
    num_before: int,
    finished: dict[str, dict[str, Any]],
    settings: Mapping[str, Any],
    output: UserPath,
) -> list[tuple[str, str]]:
    """Takes results into `finished` and metadata.json; (path, reason) of those that failed."""
    write_metadata(output, settings, finished)
    failures: list[tuple[str, str]] = []
    written, pause = time.monotonic(), METADATA_EVERY_SECONDS
    total = num_before + len(waiting)
    with tqdm(total=total, initial=num_before, desc="extract", unit="video") as bar:
        for name, result in results:
            if isinstance(result, VideoError):
                path = waiting[name]
                failures.append((str(path), str(result).removeprefix(f"{path}: ")))
            else:
                finished[name] = result
            bar.update()
            begin = time.monotonic()
            if begin > written + pause:
                write_metadata(output, settings, finished)
                written = time.monotonic()
                # Of millions of videos it takes long: a small part of the time is for this.
                pause = max(METADATA_EVERY_SECONDS, METADATA_SHARE * (written - begin))
    write_metadata(output, settings, finished)
    return failures


def _extract_here(
    waiting: Mapping[str, UserPath],
    model: "SnippetModel",
    settings: Mapping[str, Any],
    output: UserPath,
    batch_size: int,
    allow_partial: bool,
) -> Iterator[tuple[str, dict[str, Any] | VideoError]]:
    """Extracts videos; (id, entry of metadata.json or why it failed) of each."""
    with contextlib.closing(video_events(waiting, settings, batch_size)) as events:
        for name in waiting:
            try:
                yield name, extract_to(output, name, events, model.run, settings, allow_partial)
            except VideoError as error:
                yield name, error


def _write_failures(output: UserPath, failures: Sequence[tuple[str, str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("path", "reason"), *sorted(failures)])
    with atomic_write(output / FAILURES_FILE) as file:
        file.write(text.getvalue().encode("utf-8", "backslashreplace"))


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string(
        "model", None, "Folder of the two-stream SavedModel (bsp_tf.export).", required=True
    )
    flags.DEFINE_string("videos", None, "Folder of videos, or one video file.", required=True)
    flags.DEFINE_string("output", None, "Folder for the features.", required=True)
    flags.DEFINE_enum(
        "snippets", "paper", sorted(SNIPPETS), "Which frames of a video make a snippet."
    )
    flags.DEFINE_integer(
        "frame_step",
        None,
        "Source frames between the frames of a snippet (default: of --snippets).",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "stride",
        None,
        "Source frames between the starts of snippets (default: of --snippets).",
        lower_bound=1,
    )
    flags.DEFINE_integer("batch_size", 16, "Snippets per step of the model.", lower_bound=1)
    flags.DEFINE_boolean(
        "allow_partial", False, "Keep the features of the good part of damaged videos."
    )
    flags.DEFINE_integer(
        "short_side",
        None,
        "Shorter side to scale frames to on decoding; smaller frames "
        "are not enlarged; 0: no scaling; by default what the model resizes to.",
        lower_bound=0,
    )
    flags.DEFINE_boolean(
        "trust_model", False, "Load a SavedModel whose graph may read or write files."
    )
    define_runner_flags()


def main(argv: Sequence[str]) -> int:
    """Reads the flags, extracts, prints what was done, and returns the exit status."""
    del argv
    num_videos, failures = extract(
        FLAGS.model,
        FLAGS.videos,
        FLAGS.output,
        snippets=FLAGS.snippets,
        frame_step=FLAGS.frame_step,
        stride=FLAGS.stride,
        batch_size=FLAGS.batch_size,
        allow_partial=FLAGS.allow_partial,
        short_side=FLAGS.short_side,
        trust_model=FLAGS.trust_model,
        runner=FLAGS.runner,
        beam_options=FLAGS.beam_options,
    )
    print(f"features of {num_videos} videos in {FLAGS.output}")
    if failures:
        print(
            f"{len(failures)} videos failed: see {given_path(FLAGS.output) / FAILURES_FILE}",
            file=sys.stderr,
        )
        return SOME_FAILED_STATUS
    return 0


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
