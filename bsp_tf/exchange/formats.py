"""The table of all forms of annotations; to add one, write its module and a row here.

What the command's flags offer, what `guess` finds and what the documentation lists follow from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bsp_tf.annotations.reader import annotation_files
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json
from bsp_tf.base.remote_path import plain_name
from bsp_tf.exchange import activitynet, eaf, fiftyone, label_studio, srt, via, webvtt
from bsp_tf.exchange.table import Known, Table
from bsp_tf.exchange.video_files import reader_of
from bsp_tf.video.folder_listing import list_files


@dataclass(frozen=True)
class Format:
    """One form.

    Attributes:
        title: What it is called.
        suffix: How the names of its files end.
        read: A file to a table; with a file for each video also a folder of them.
        write: The text of a table's file; with a file for each video, of a table of one.
        per_video: Whether it has a file for each video.
    """

    title: str
    suffix: str
    read: Callable[[str, Known], Table]
    write: Callable[[Table], str]
    per_video: bool = False


FORMATS = {
    "activitynet": Format(
        "annotations or detections of this project", ".json", activitynet.read, activitynet.write
    ),
    "label_studio": Format(
        "Label Studio, timeline labels", ".json", label_studio.read, label_studio.write
    ),
    "fiftyone": Format("FiftyOne, temporal detections", ".json", fiftyone.read, fiftyone.write),
    "via": Format("VIA 3, temporal segments", ".csv", via.read, via.write),
    "webvtt": Format("WebVTT", ".vtt", reader_of(webvtt.read, ".vtt"), webvtt.write, True),
    "srt": Format("SRT", ".srt", reader_of(srt.read, ".srt"), srt.write, True),
    "eaf": Format("ELAN", ".eaf", reader_of(eaf.read, ".eaf"), eaf.write, True),
}
PER_VIDEO = {form.suffix: name for name, form in FORMATS.items() if form.per_video}


def guess(path: str) -> str:
    """The form of a file or of a folder of files: by name, of JSON and CSV by what is in it.

    Raises:
        InputError: it cannot be read, or a folder holds files of no form, or of several.
    """
    if Path(path).is_dir():
        suffixes = {Path(name).suffix.lower() for name in list_files(path).paths}
        found = sorted(suffixes & set(PER_VIDEO))
        if len(found) != 1:
            raise InputError(
                f"{path} holds files that end with {', '.join(sorted(suffixes)) or 'nothing'}, not "
                f"with one of {', '.join(PER_VIDEO)} alone: say which with --from."
            )
        return PER_VIDEO[found[0]]
    suffix = Path(plain_name(path)).suffix.lower()
    if suffix in PER_VIDEO:
        return PER_VIDEO[suffix]
    if len(annotation_files(path)) > 1:
        return "activitynet"
    if suffix == ".csv":
        return "via" if via.is_via(path) else "activitynet"
    content = read_json(path)
    if isinstance(content, list):
        return "label_studio"
    if isinstance(content, dict) and {"classes", "labels"} <= content.keys():
        return "fiftyone"
    return "activitynet"
