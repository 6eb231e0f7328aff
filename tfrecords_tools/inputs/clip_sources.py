"""The forms in which people name their clips, how to recognise them, and the flags for them.

    form         --input                     what it is
    folder       clips/train                 a folder per class, or just videos
    kinetics     kinetics-400_val.csv        CSV with a column youtube_id
    table        segments.csv                CSV with a column video_path [,start,end]
    list         train_list.txt              lines `path label`, one per clip
    activitynet  activity_net.v1-3.json      each annotated segment is a clip

All but `folder` name files in the folder --videos.
"""

import dataclasses
import os

from absl import flags

from bsp_tf.base.errors import InputError, without_secrets
from bsp_tf.base.remote_path import given_path
from tfrecords_tools.inputs.annotation_index import index_annotations
from tfrecords_tools.inputs.clip_index import ClipIndex
from tfrecords_tools.inputs.clip_table import delimiter_of, find_columns, open_text
from tfrecords_tools.inputs.file_listing import is_folder, is_there
from tfrecords_tools.inputs.folder_index import index_folder
from tfrecords_tools.inputs.kinetics_index import index_kinetics
from tfrecords_tools.inputs.label_map import read_labels
from tfrecords_tools.inputs.list_index import index_list, index_table

FLAGS = flags.FLAGS
FORMS = ("folder", "kinetics", "table", "list", "activitynet")
AUTO = "auto"


@dataclasses.dataclass(frozen=True)
class InputSource:
    """What to convert, as the user says it.

    Each field is the flag of that name; `form` is --input_form.
    """

    input: str
    videos: str | None = None
    form: str = AUTO
    labels: str | None = None
    split: str | None = None
    unlabelled: bool = False
    untrimmed: bool = False


def detect_form(path: str | os.PathLike) -> str:
    """One of FORMS, by what `path` is, its suffix and its first line.

    Raises:
        InputError: it does not exist or cannot be read.
    """
    where = given_path(path)
    if is_folder(where):
        return "folder"
    if not is_there(where):
        raise InputError(f"input {path} does not exist; check --input.")
    if where.name.lower().removesuffix(".gz").endswith(".json"):
        return "activitynet"
    with open_text(path) as file:
        header = file.readline()
    if "\0" in header:
        raise InputError(
            f"input {path} is no text: give a list of clips, or the folder of the videos (--input)."
        )
    columns = find_columns(
        [field.strip().strip('"') for field in header.split(delimiter_of(header))]
    )
    if "youtube_id" in columns:
        return "kinetics"
    return "table" if "video_path" in columns else "list"


def index_clips(source: InputSource) -> ClipIndex:
    """Finds all clips of an input; what the index says of addresses holds no secrets.

    Raises:
        InputError: as the index of each form, or a flag that means nothing for the form.
    """
    index = _index(source)
    missing = [(without_secrets(name), without_secrets(reason)) for name, reason in index.missing]
    warnings = [without_secrets(warning) for warning in index.warnings]
    return dataclasses.replace(index, missing=missing, warnings=warnings)


def _index(source: InputSource) -> ClipIndex:
    form = detect_form(source.input) if source.form == AUTO else source.form
    _refuse_flags_of_other_forms(source, form)
    known = read_labels(source.labels) if source.labels else None
    if form == "folder":
        return index_folder(source.input, known, unlabelled=source.unlabelled)
    videos = source.videos or given_path(source.input).parent
    if form == "kinetics":
        return index_kinetics(
            source.input,
            videos,
            known,
            split=source.split,
            unlabelled=source.unlabelled,
            untrimmed=source.untrimmed,
        )
    if form == "table":
        return index_table(
            source.input, videos, known, split=source.split, unlabelled=source.unlabelled
        )
    if form == "list":
        return index_list(source.input, videos, known, unlabelled=source.unlabelled)
    return index_annotations(
        source.input, videos, known, subset=source.split, unlabelled=source.unlabelled
    )


def _refuse_flags_of_other_forms(source: InputSource, form: str) -> None:
    where = given_path(source.input)
    if (form == "folder") != is_folder(where) and is_there(where):
        fault = "is not a folder" if form == "folder" else "is a folder, not a file"
        raise InputError(
            f"input {source.input} {fault}, as --input_form={form} says it is; check both flags."
        )
    wrong = [
        ("videos", form == "folder", "the folder of the videos is --input itself"),
        ("split", form in ("folder", "list"), "it names no splits"),
        (
            "untrimmed",
            form != "kinetics",
            "only a Kinetics CSV leaves open whether files are whole videos",
        ),
        ("labels", source.unlabelled, "--unlabelled leaves all labels out"),
    ]
    for name, is_wrong, reason in wrong:
        if getattr(source, name) and is_wrong:
            what = f"{source.input} (taken for the form {form})"
            raise InputError(
                f"--{name} means nothing for {what}: {reason}. Leave it out, or set --input_form."
            )


def define_input_flags() -> None:
    """Defines the flags that say what to convert."""
    flags.DEFINE_string(
        "input",
        None,
        "What to convert: a folder (one folder per class, or just videos), a Kinetics CSV, a CSV "
        "with a column video_path [,start,end] [,label], a list of lines `path label`, or "
        "ActivityNet annotations (.json).",
        required=True,
    )
    flags.DEFINE_string(
        "videos",
        None,
        "Folder of the videos that the --input file speaks of (default: the folder of that file).",
    )
    flags.DEFINE_enum(
        "input_form",
        AUTO,
        [AUTO, *FORMS],
        "How to read --input; by default its suffix and first line say it.",
    )
    flags.DEFINE_string("labels", None, "Label map to reuse (labels.txt of an earlier conversion).")
    flags.DEFINE_string(
        "split",
        None,
        "Take only this split of a CSV (column split), or this subset of ActivityNet annotations.",
    )
    flags.DEFINE_alias("subset", "split")
    flags.DEFINE_boolean(
        "unlabelled", False, "Convert without labels (index -1), whatever the input says."
    )
    flags.DEFINE_boolean(
        "untrimmed",
        False,
        "Files named <youtube_id> are whole videos: cut the clips of a Kinetics CSV out of them. "
        "Files named with the times are clips already.",
    )


def source_from_flags() -> InputSource:
    """The values of the flags of `define_input_flags`."""
    return InputSource(
        FLAGS.input,
        FLAGS.videos,
        FLAGS.input_form,
        FLAGS.labels,
        FLAGS.split,
        FLAGS.unlabelled,
        FLAGS.untrimmed,
    )
