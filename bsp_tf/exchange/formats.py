"""The table of all forms of annotations; to add one, write its module and a row here.

What the command's flags offer, what `guess` finds and what the documentation lists follow from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bsp_tf.annotations.reader import annotation_files
from bsp_tf.base.errors import InputError
from bsp_tf.base.folder_listing import list_files
from bsp_tf.base.json_file import read_json
from bsp_tf.exchange import activitynet, eaf, fiftyone, label_studio, srt, via, webvtt
from bsp_tf.exchange.table import Known, Segment, Table


@dataclass(frozen=True)
class Format:
    """One form.

    Attributes:
        title: What it is called.
        suffix: How the names of its files end.
        write: The text of a table's file; of a form with a file for each video, of one video.
        read: A file to a table; None for a form with a file for each video.
        read_video: One video's file to its segments, and notes on what was left out, for such a
            form.
    """

    title: str
    suffix: str
    write: Callable[[Table], str]
    read: Callable[[str, Known], Table] | None = None
    read_video: Callable[[str], tuple[list[Segment], list[str]]] | None = None


FORMATS = {
    "activitynet": Format(
        "annotations or detections of this project", ".json", activitynet.write, activitynet.read
    ),
    "label_studio": Format(
        "Label Studio, timeline labels", ".json", label_studio.write, label_studio.read
    ),
    "fiftyone": Format("FiftyOne, temporal detections", ".json", fiftyone.write, fiftyone.read),
    "via": Format("VIA 3, temporal segments", ".csv", via.write, via.read),
    "webvtt": Format("WebVTT, a file for each video", ".vtt", webvtt.write, None, webvtt.read),
    "srt": Format("SRT, a file for each video", ".srt", srt.write, None, srt.read),
    "eaf": Format("ELAN, a file for each video", ".eaf", eaf.write, None, eaf.read),
}
PER_VIDEO = {form.suffix: name for name, form in FORMATS.items() if form.read_video}


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
    suffix = Path(path).suffix.lower()
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
