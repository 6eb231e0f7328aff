"""Converts annotations and detections to labelling tools and back.

    python -m bsp_tf.convert_annotations --input=detections.json --to=label_studio \\
        --min_score=0.3 --video_info=videos --video_prefix=https://host/videos/ --output=tasks.json
    python -m bsp_tf.convert_annotations --input=export.json --subset=training \\
        --output=annotations.json

Forms: activitynet (this project's), label_studio, fiftyone, via, and with a file for each video
webvtt, srt and eaf (ELAN). --from is guessed. --to is activitynet unless the input is of that form.

A form with a file for each video is read from a file or a folder, and written to a new folder; the
names of the files are the ids of the videos. Times survive to a millisecond; what a form cannot
hold is refused by name, and nothing is written.

Label Studio counts frames, so the frame rate must be known: from the input, --fps or --video_info.
It is written into each task, from where the labelling interface, which is printed, takes it.

Of annotations --subset chooses the videos; of all else it names the subset that is written.
--video_info fills what the input leaves open, each video's frame rate, duration, subset and file:
a folder of videos or of features, annotations, or a CSV table with the columns "video" and "fps",
"duration" or "seconds", "subset". Needs NumPy and absl only; a folder of videos PyAV too.
"""

import sys
from collections.abc import Sequence

from absl import flags

from bsp_tf.annotations.reader import annotation_files
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.output_files import check_output_files
from bsp_tf.exchange.files import read_table, write_table
from bsp_tf.exchange.formats import FORMATS, guess
from bsp_tf.exchange.known_videos import load_known
from bsp_tf.exchange.label_studio import label_config
from bsp_tf.exchange.table import KINDS, Known, Table, as_kind, with_scores_from

FLAGS = flags.FLAGS


def convert_annotations(
    source: str,
    output: str,
    source_form: str,
    output_form: str,
    known: Known | None = None,
    kind: str | None = None,
    min_score: float | None = None,
) -> tuple[Table, int]:
    """Converts a file or folder into another form.

    Args:
        source: What to read.
        output: What to write: a file, or a folder that is not there or empty.
        source_form, output_form: Keys of `bsp_tf.exchange.formats.FORMATS`.
        known: What `source` may leave open.
        kind: "annotations" leaves scores out, "detections" insists on them; None takes what is
            there.
        min_score: Detections of a lower score are left out.

    Returns:
        What was written, and in how many files.

    Raises:
        InputError: `source` is missing or malformed, or the form of `output` cannot hold it; the
            message names video and segment.
    """
    table = read_table(source, source_form, known or Known())
    if min_score is not None:
        table = with_scores_from(table, min_score)
    table = as_kind(table, kind)
    return table, write_table(table, output, output_form)


def _output_form(chosen: str | None, source_form: str) -> str:
    if chosen:
        return chosen
    if source_form != "activitynet":
        return "activitynet"
    others = ", ".join(name for name in FORMATS if name != "activitynet")
    raise InputError(f"the input is of this project's form: say which to write, --to={others}.")


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string("input", None, "File or folder to read.", required=True)
    flags.DEFINE_string("output", None, "File or folder to write.", required=True)
    flags.DEFINE_enum("from", None, list(FORMATS), "Form of the input (default: guessed).")
    flags.DEFINE_enum("to", None, list(FORMATS), "Form of the output.")
    flags.DEFINE_float("fps", None, "Frame rate of all videos.", lower_bound=1e-3, upper_bound=1e6)
    flags.DEFINE_string(
        "video_info", None, "Folder of videos or features, annotations or CSV: rates, durations."
    )
    flags.DEFINE_string("subset", None, "Subset to read of annotations, else to write.")
    flags.DEFINE_string("video_prefix", None, "Stands before the file names of videos, e.g. a URL.")
    flags.DEFINE_float("min_score", None, "Leave out detections of a lower score.")
    flags.DEFINE_enum(
        "kind", None, KINDS, "Leave scores out, or insist on them (default: as the input is)."
    )


def main(argv: Sequence[str]) -> None:
    """Runs the command with the parsed flags."""
    del argv
    check_output_files(annotation_files(FLAGS.input), {"output": FLAGS.output})
    source_form = FLAGS["from"].value or guess(FLAGS.input)
    output_form = _output_form(FLAGS.to, source_form)
    known = Known(
        load_known(FLAGS.video_info) if FLAGS.video_info else {},
        FLAGS.fps,
        FLAGS.subset or "",
        FLAGS.video_prefix or "",
    )
    table, files = convert_annotations(
        FLAGS.input, FLAGS.output, source_form, output_form, known, FLAGS.kind, FLAGS.min_score
    )
    for note in table.notes:
        print(f"note: {note}", file=sys.stderr)
    segments = sum(len(video.segments) for video in table.videos)
    what = "detections" if table.scored else "annotated segments"
    print(
        f"{segments} {what} of {len(table.videos)} videos: {FORMATS[source_form].title} -> "
        f"{FORMATS[output_form].title}"
    )
    print(f"written to {FLAGS.output}" + (f" ({files} files)" if files > 1 else ""))
    if output_form == "label_studio":
        print(f"labelling interface of the project:\n{label_config(table)}")


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
