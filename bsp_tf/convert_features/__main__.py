"""Gives features and annotations the forms that other tools read.

    python -m bsp_tf.convert_features --features=features --annotations=sample/annotations.json \\
        --tool=opentad --output=for_opentad

Reads a folder of bsp_tf.extract. Writes OUTPUT/features/, annotations.json and what else the tool
wants, and settings.txt, which is printed, too: the lines of the tool's config that place the
features right in time. Without them most tools shift all segments.

    --tool=opentad        <id>.npy, all rows; missing_files.txt; category_idx.txt
    --tool=actionformer   the same
    --tool=gtad           v_<id>.h5, 100 rows a video; video_info.csv
    --tool=mmaction2      v_<id>.csv, 100 rows a video; annotations_<subset>.json
    --streams=action,boundary   parts of the features to take, side by side

Arrays that are there already are kept: a killed run goes on. Exit status: 0 all done; 3 done, but
videos of the annotations are without features that can be used (each is named).
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from absl import flags
from tqdm import tqdm

from bsp_tf.annotations.mended import VideoAnnotation, load_annotations
from bsp_tf.annotations.reader import annotation_files
from bsp_tf.annotations.video_ids import match_id
from bsp_tf.base.atomic_file import atomic_write, make_folder
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import lock_folder, refuse_file
from bsp_tf.base.servers.local_copy import LocalCopies, local_copies
from bsp_tf.base.settings import claim, digest_files, refuse_output_inside
from bsp_tf.convert_features import tool_settings
from bsp_tf.convert_features.tool_files import (
    ARRAYS,
    PREFIX,
    Dataset,
    Rows,
    Shown,
    write_csv,
    write_database,
    write_frames_files,
    write_h5,
    write_npy,
)
from bsp_tf.features.sources import features_digest
from bsp_tf.features.store import FeatureStore, UnusableFeatures

FLAGS = flags.FLAGS

SOME_MISSING_STATUS = 3
CLAIM = "made_from.json"
SETTINGS = "settings.txt"


@dataclass(frozen=True)
class Tool:
    """How one tool wants its files.

    Attributes:
        suffix: How the names of its arrays end.
        write_array: The features of a video.
        write_annotations: All other files.
        settings: The lines of its config.
        prefix: What every id begins with.
    """

    suffix: str
    write_array: Callable[[Rows, Shown, Path], None]
    write_annotations: Callable[[Dataset, Path], None]
    settings: Callable[[Dataset, Path], str]
    prefix: str = ""


TOOLS = {
    "opentad": Tool(".npy", write_npy, write_database, tool_settings.opentad),
    "actionformer": Tool(".npy", write_npy, write_database, tool_settings.actionformer),
    "gtad": Tool(".h5", write_h5, write_frames_files, tool_settings.gtad, PREFIX),
    "mmaction2": Tool(".csv", write_csv, write_frames_files, tool_settings.mmaction2, PREFIX),
}


def convert_features(
    features: str, annotations: str, output: str, tool: str, streams: Sequence[str]
) -> tuple[str, dict[str, str]]:
    """Writes the features and annotations of all videos for a tool.

    Args:
        features: Folder of bsp_tf.extract, here or in a bucket.
        annotations: See `bsp_tf.annotations.reader`.
        output: Folder to make, or to go on with.
        tool: One of TOOLS.
        streams: Parts of the features; those that the folder does not have are left out.

    Returns:
        The settings for the tool, and why each video that has no features has none.

    Raises:
        InputError: no feature folder or annotations, no video with features, none of the streams,
            or an output made of other things.
    """
    with local_copies(features) as copies:
        return _convert(copies, features, annotations, output, tool, streams)


def _convert(
    copies: LocalCopies,
    features: str,
    annotations: str,
    output: str,
    tool: str,
    streams: Sequence[str],
) -> tuple[str, dict[str, str]]:
    store = FeatureStore(copies.names[0])
    rows = Rows(store, tuple(name for name in streams if name in store.metadata["streams"]))
    if not rows.streams:
        known = ", ".join(store.metadata["streams"])
        raise InputError(f"{features} has no stream {', '.join(streams)}; there are {known}.")
    videos = load_annotations(annotations)
    for warning in videos.warnings():
        print(f"note: {warning}", file=sys.stderr)
    refuse_output_inside(output, features)
    refuse_file(output)
    folder, form = Path(output), TOOLS[tool]
    made_from = {
        "tool": tool,
        "streams": list(rows.streams),
        "features": features_digest(copies.names[0]),
        "annotations": digest_files(annotation_files(annotations)),
    }
    with lock_folder(folder):
        claim(folder / CLAIM, made_from)
        make_folder(folder / ARRAYS)
        shown, missing = _write_arrays(rows, videos, form, folder / ARRAYS)
        if not shown:
            raise InputError(
                f"{features} has no features of any of the {len(videos)} videos in {annotations}: "
                f"{next(iter(missing.values()), 'it names no video')}"
            )
        classes = sorted({label for video in videos.values() for label in video.labels})
        data = Dataset(rows, shown, list(missing), classes)
        form.write_annotations(data, folder)
        settings = form.settings(data, folder.absolute())
        with atomic_write(folder / SETTINGS) as file:
            file.write(settings.encode())
    return settings, {name: copies.as_given(reason) for name, reason in missing.items()}


def _write_arrays(
    rows: Rows, videos: Mapping[str, VideoAnnotation], form: Tool, folder: Path
) -> tuple[list[Shown], dict[str, str]]:
    """Writes what is not there yet; the videos with features, and why others have none."""
    shown, missing = [], {}
    for video_id, annotation in tqdm(videos.items(), unit="video"):
        stored = match_id(video_id, rows.store.metadata["videos"])
        if stored is None:
            missing[video_id] = f"{video_id}: no features of it in {rows.store.folder}."
            continue
        about = rows.store.metadata["videos"][stored]
        video = Shown(
            form.prefix + video_id.removeprefix(form.prefix),
            stored,
            annotation,
            annotation.duration_seconds or about["duration_seconds"],
            about["fps"],
        )
        path = folder / f"{video.name}{form.suffix}"
        try:
            if not path.exists():
                form.write_array(rows, video, path)
            shown.append(video)
        except UnusableFeatures as error:
            missing[video_id] = str(error)
    return shown, missing


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string(
        "features", None, "Folder of bsp_tf.extract, or its address.", required=True
    )
    flags.DEFINE_string("annotations", None, "Annotations of the videos.", required=True)
    flags.DEFINE_string("output", None, "Folder to make.", required=True)
    flags.DEFINE_enum("tool", None, list(TOOLS), "Who is to read it.", required=True)
    flags.DEFINE_list("streams", ["action", "boundary"], "Parts of the features, in this order.")


def main(argv: Sequence[str]) -> int:
    """Reads the flags, converts, prints the settings, and returns the exit status."""
    del argv
    settings, missing = convert_features(
        FLAGS.features, FLAGS.annotations, FLAGS.output, FLAGS.tool, FLAGS.streams
    )
    print(f"written to {FLAGS.output}; what {FLAGS.tool} must be told ({SETTINGS}):\n\n{settings}")
    for reason in missing.values():
        print(f"left out: {reason}", file=sys.stderr)
    return SOME_MISSING_STATUS if missing else 0


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
