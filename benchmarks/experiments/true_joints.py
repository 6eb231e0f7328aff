"""What a stream would give that knew every joint: the ceiling of boundary features.

    python -m benchmarks.experiments.true_joints --annotations=sample/annotations.json \\
        --videos=sample/videos --output=joints --stride=4 --kinds=hard_cut,cross_fade

A column for each of --kinds ("all" for joints of any kind): 1 where the middle of such a joint lies
in the snippet, 0 elsewhere. Joints inside actions and backgrounds are told as those at an action's
ends are, as nothing that sees only what changes could tell them apart. With --by=place the columns
are places instead of kinds, and can be those ends alone: what the head makes of the whole answer.
Writes <video>.npy, float32 [snippets, 4], for `feature_layout=snippets`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from benchmarks.experiments.pixel_change import FRAME_STEP, WINDOW
from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json, write_json
from bsp_tf.evaluation.joint_auc import ALL_KINDS, label_snippets, snippet_spans
from bsp_tf.features.video_ids import name_videos
from bsp_tf.video.reader import probe_video
from bsp_tf.video.snippets import count_snippets

FLAGS = flags.FLAGS

CHANNELS = 4  # what does not name a kind is 0: G-TAD wants groups of four


def true_joints(
    joints: Sequence[Mapping[str, Any]],
    kinds: Sequence[str],
    num_frames: int,
    fps: float,
    stride: int,
    by: str = "kind",
) -> np.ndarray:
    """float32 [snippets, CHANNELS], 1 where the snippet holds a joint of the column's kind.

    Args:
        joints: "joints" of a video's annotation.
        kinds: At most CHANNELS; others are not told. ALL_KINDS is any of them.
        by: Key of a joint whose values are meant, "kind" or "place".
        num_frames, fps: Of the video.
        stride: Frames from one snippet to the next.

    Raises:
        InputError: too many kinds, or a joint without that key.
    """
    if len(kinds) > CHANNELS:
        raise InputError(f"--kinds names {len(kinds)} kinds of joints: give at most {CHANNELS}.")
    if any(by not in joint for joint in joints):
        raise InputError(
            f"a joint has no {by!r}: the sample data's have, composed videos' may not."
        )
    count = count_snippets(num_frames, WINDOW, FRAME_STEP, stride)
    spans = snippet_spans(count, WINDOW, FRAME_STEP, stride, num_frames)
    places = [(*joint["segment"], joint[by]) for joint in joints]
    holding, _ = label_snippets(spans, fps, places)
    holding[ALL_KINDS] = np.any([*holding.values(), np.zeros(count, bool)], axis=0)
    rows = np.zeros((count, CHANNELS), np.float32)
    for column, kind in enumerate(kinds):
        if kind in holding:
            rows[:, column] = holding[kind]
    return rows


def main(argv: Sequence[str]) -> None:
    """Writes an array for each video of --videos."""
    del argv
    output, paths = Path(FLAGS.output), name_videos(FLAGS.videos)
    database = read_json(FLAGS.annotations)["database"]
    output.mkdir(parents=True, exist_ok=True)
    for name, path in paths.items():
        about = probe_video(path)
        joints = database[name]["joints"]
        rows = true_joints(joints, FLAGS.kinds, about.num_frames, about.fps, FLAGS.stride, FLAGS.by)
        with atomic_write(output / f"{name}.npy") as file:
            np.save(file, rows)
    write_json(output.with_suffix(".json"), {"videos": len(paths), "kinds": FLAGS.kinds})


def define_flags() -> None:
    """Defines the flags of the command."""
    flags.DEFINE_string("annotations", None, "ActivityNet JSON with joints.", required=True)
    flags.DEFINE_string("videos", None, "Folder of videos.", required=True)
    flags.DEFINE_string("output", None, "Folder for the arrays; OUTPUT.json ends.", required=True)
    flags.DEFINE_integer("stride", 4, "Frames from one snippet to the next.", lower_bound=1)
    flags.DEFINE_list("kinds", None, "Kinds of joints, at most 4.", required=True)
    flags.DEFINE_enum("by", "kind", ["kind", "place"], "What of a joint --kinds are.")


if __name__ == "__main__":
    run_command(main, define_flags)
