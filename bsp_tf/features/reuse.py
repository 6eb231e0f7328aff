"""Whether a feature folder that is there goes with the extraction that is about to start."""

from collections.abc import Mapping
from typing import Any

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object
from bsp_tf.base.remote_path import UserPath, names_in
from bsp_tf.base.settings import differences, fingerprint, is_unchanged, refuse_other_settings
from bsp_tf.features.store import METADATA_FILE
from bsp_tf.features.video_ids import printable


def refuse_other_features(output: UserPath, settings: Mapping[str, Any]) -> None:
    """Checks that the features in `output`, if there are any, were made with these settings.

    Args:
        output: feature folder, which need not exist.
        settings: what metadata.json is about to say.
    Raises:
        InputError: features of another model or with other settings, or arrays without metadata.
    """
    if not (output / METADATA_FILE).is_file():
        if any(name.endswith(".npy") for name in names_in(output)):
            raise InputError(
                f"{output} holds arrays but no {METADATA_FILE}, so their model is not known; "
                "choose another --output, or empty that folder."
            )
        return
    before = read_json_object(output / METADATA_FILE)
    fields = ("frame_step", "stride", "short_side")
    differing = differences(before, settings, fields=fields, absent_is_none=True)
    if before.get("model_sha256") != settings["model_sha256"]:
        differing.append(
            f"the model was {before.get('model')}, is now {settings['model']}, of other weights"
        )
    refuse_other_settings(output, differing)


def refuse_partial_features(
    output: UserPath, finished: Mapping[str, Mapping[str, Any]], allow_partial: bool
) -> None:
    """Keeps features of a part of a video, once allowed, from passing as those of a whole one.

    Args:
        output: feature folder, for the message.
        finished: id -> what metadata.json says of it, for the videos with features.
        allow_partial: whether they are allowed now.
    Raises:
        InputError: there are some, and they are not; the message names the first.
    """
    partial = sorted(name for name, about in finished.items() if about.get("partial"))
    if partial and not allow_partial:
        raise InputError(
            f"{output} holds features of only a part of {len(partial)} videos ({partial[0]!r}, "
            "...), kept with --allow_partial: give it again, or another --output."
        )


def about_file(path: UserPath) -> dict[str, Any]:
    """What tells a video file from another one, for metadata.json; to be taken before it is read.

    Raises:
        InputError: it cannot be read.
    """
    source = fingerprint(path)
    return {"file": printable(path.name), "num_bytes": source["num_bytes"], "source": source}


def is_finished(
    name: str, path: UserPath, finished: Mapping[str, Mapping[str, Any]], output: UserPath
) -> bool:
    """Whether the features of a video are there.

    Args:
        name: id of the video.
        path: its file.
        finished: id -> what metadata.json says of it, for the videos with features.
        output: feature folder, for the message.
    Raises:
        InputError: there are features of another file under this id, or of another content.
    """
    if name not in finished:
        return False
    before = (finished[name].get("file"), finished[name].get("num_bytes"))
    if before != (printable(path.name), path.stat().st_size):
        raise InputError(
            f"{output} holds features {name!r} of another file than {path} ({before[0]}, "
            f"{before[1]} bytes); choose another --output, or delete {output / name}.npy."
        )
    source = finished[name].get("source")
    if source is not None and not is_unchanged(path, source):
        raise InputError(
            f"{output} holds features {name!r} of what {path} held before it was replaced; "
            f"choose another --output, or delete {output / name}.npy."
        )
    return True
