"""Three numbers a snippet that need no learning: how much the pixels change.

    python -m benchmarks.experiments.pixel_change --videos=sample/videos --output=pixels --stride=4

The mean and the largest mean absolute difference of neighbouring frames of the snippet, and that of
its first and last frame, each over 32 grey levels, which brings them to the size of other features.
Writes <video>.npy, float32 [snippets, 4], for `feature_layout=snippets`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from absl import flags

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.command_line import run_command
from bsp_tf.base.json_file import write_json
from bsp_tf.features.video_ids import name_videos
from bsp_tf.video.reader import read_frames
from bsp_tf.video.snippets import snippet_batches

FLAGS = flags.FLAGS

WINDOW, FRAME_STEP = 8, 2
SPAN = (WINDOW - 1) * FRAME_STEP + 1  # frames from the first to the last of a snippet
GREY_LEVELS = 32.0
BATCH = 64


def pixel_change(snippets: np.ndarray) -> np.ndarray:
    """uint8 [n, T, H, W, 3] -> float32 [n, 4], the last one 0: G-TAD wants groups of four."""
    frames = snippets.astype(np.float32)
    steps = np.abs(np.diff(frames, axis=1)).mean((2, 3, 4))
    ends = np.abs(frames[:, -1] - frames[:, 0]).mean((1, 2, 3))
    return np.stack([steps.mean(1), steps.max(1), ends, 0 * ends], axis=1) / GREY_LEVELS


def main(argv: Sequence[str]) -> None:
    """Writes an array for each video of --videos."""
    del argv
    output = Path(FLAGS.output)
    output.mkdir(parents=True, exist_ok=True)
    paths = name_videos(FLAGS.videos)
    for name, path in paths.items():
        batches = snippet_batches(read_frames(path), WINDOW, FRAME_STEP, FLAGS.stride, BATCH)
        rows = np.concatenate([pixel_change(batch.frames) for batch in batches])
        with atomic_write(output / f"{name}.npy") as file:
            np.save(file, rows)
    write_json(output.with_suffix(".json"), {"videos": len(paths), "stride": FLAGS.stride})


def define_flags() -> None:
    """Defines the flags of the command."""
    flags.DEFINE_string("videos", None, "Folder of videos.", required=True)
    flags.DEFINE_string("output", None, "Folder for the arrays; OUTPUT.json ends.", required=True)
    flags.DEFINE_integer("stride", 4, "Frames from one snippet to the next.", lower_bound=1)


if __name__ == "__main__":
    run_command(main, define_flags)
