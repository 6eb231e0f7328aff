"""Before scoring: ids as the ground truth spells them, and what to leave out.

Left out are blocked videos, and reversed or repeated ground truths.
"""

import os
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from bsp_tf.annotations.video_ids import respelled
from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import read_input
from bsp_tf.base.json_file import read_json
from bsp_tf.base.remote_path import plain_name
from bsp_tf.evaluation.ground_truth import Instances

# Two annotations whose ends differ by no more are one, as ActionFormer's reader has it.
SAME_SECONDS = 1e-3

WARNING_TEXT = {
    "blocked_videos": "videos of this subset left out as blocked",
    "blocked_names_not_found": (
        "blocked names that this subset lacks (written as in the ground truth?)"
    ),
    "reversed_ground_truths": "ground-truth segments that end before they start, left out",
    "duplicate_ground_truths": "ground-truth segments left out as duplicates",
}


def select_scored(
    truths: Instances,
    found: Sequence[Instances],
    blocked_videos: str | os.PathLike | None = None,
    remove_duplicates: bool = False,
) -> tuple[Instances, list[Instances], dict[str, int]]:
    """Leaves out what cannot or shall not be scored.

    Args:
        truths: Ground truth; reversed segments are left out.
        found: Detections or proposals, of one or several runs; their videos may have or lack the
            prefix "v_" of ActivityNet's files.
        blocked_videos: File with names of videos to leave out of both, see `load_video_list`.
        remove_duplicates: Leave out ground truths that are there twice.

    Returns:
        Ground truth, detections, and counts above 0 by the keys of WARNING_TEXT.

    Raises:
        InputError: the file of names cannot be read.
    """
    found = [_respelled_as(truths, run) for run in found]
    all_truths, truths = truths, without_reversed(truths)
    counts = {"reversed_ground_truths": len(all_truths) - len(truths)}
    if blocked_videos:
        names = set(load_video_list(blocked_videos))
        counts["blocked_videos"] = len(names & set(truths.video_names))
        counts["blocked_names_not_found"] = len(names) - counts["blocked_videos"]
        truths = without_videos(truths, names)
        found = [without_videos(run, names) for run in found]
    if remove_duplicates:
        before, truths = len(truths), without_duplicates(truths)
        counts["duplicate_ground_truths"] = before - len(truths)
    return truths, found, {key: count for key, count in counts.items() if count}


def load_video_list(path: str | os.PathLike) -> list[str]:
    """Video names from a text file with one per line, or from JSON (.json, .json.gz).

    JSON holds a list of names, or an object whose keys they are.

    ActivityNet's scorer fetched such a list of videos that are gone from a server that is itself
    gone; several projects carry a copy, as a JSON list.

    Raises:
        InputError: the file cannot be read, has another form or names no video.
    """
    if plain_name(path).endswith((".json", ".json.gz")):
        names = read_json(path)
        names = list(names) if isinstance(names, dict) else names
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InputError(
                f'{path} holds no list of video names; write ["name", ...], or a text file.'
            )
    else:
        try:
            lines = read_input(path).decode("utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise InputError(
                f"cannot read {path}: {error}. Give a text file with one video name per line, or "
                "JSON (.json)."
            ) from error
        names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise InputError(f"{path} names no video; name one per line, or leave the option out.")
    return names


def _respelled_as(truths: Instances, run: Instances) -> Instances:
    names = respelled(run.video_names, set(truths.video_names))
    return replace(run, video_names=[names[name] for name in run.video_names])


def without_videos(instances: Instances, names: Collection[str]) -> Instances:
    """The instances of all other videos; classes that lose every instance are gone."""
    names = set(names)
    blocked = np.array([name in names for name in instances.video_names], bool)
    return _keep(instances, ~blocked[instances.video], blocked)


def without_reversed(instances: Instances) -> Instances:
    """The instances that do not end before they start; nobody can tell what the others mean."""
    keep = instances.segment[:, 1] >= instances.segment[:, 0]
    return _keep(instances, keep, np.zeros(len(instances.video_names), bool))


def without_duplicates(instances: Instances) -> Instances:
    """The first of the instances of one video and label with both ends within SAME_SECONDS."""
    seen: dict[tuple[int, int], list[tuple[float, float]]] = {}
    keep = np.ones(len(instances), bool)
    columns = zip(
        instances.video.tolist(), instances.label.tolist(), instances.segment.tolist(), strict=True
    )
    for index, (video, label, (start, end)) in enumerate(columns):
        others = seen.setdefault((video, label), [])
        if any(max(abs(start - other[0]), abs(end - other[1])) <= SAME_SECONDS for other in others):
            keep[index] = False
        else:
            others.append((start, end))
    return _keep(instances, keep, np.zeros(len(instances.video_names), bool))


def _keep(instances: Instances, keep: np.ndarray, blocked: np.ndarray) -> Instances:
    """The instances where `keep` bool [n]; all videos but those where `blocked` bool [videos]."""
    video = np.cumsum(~blocked) - 1
    used = np.zeros(len(instances.class_names), bool)
    used[instances.label[keep]] = True
    label = np.cumsum(used) - 1
    names = [name for name, gone in zip(instances.video_names, blocked, strict=True) if not gone]
    known = set(names)
    return replace(
        instances,
        video_names=names,
        class_names=[
            name for name, there in zip(instances.class_names, used, strict=True) if there
        ],
        video=video[instances.video[keep]],
        label=label[instances.label[keep]],
        segment=instances.segment[keep],
        score=None if instances.score is None else instances.score[keep],
        duration={name: seconds for name, seconds in instances.duration.items() if name in known},
    )
