"""Untrimmed videos joined from the clips of a public set, with folds by session.

    python -m benchmarks.experiments.real_sample --set=handwash --source=videos --output=handwash

Writes videos/, and for each fold a folder of the same form as that of make_sample: videos/ and
clips/{train,val}/<class>/ (links), annotations.json with the joints, and class_scores.json. A fold
tests on every third session and validates on one of the others. Segments are scored without their
classes (one class, "action"): a video of handwash holds every class, so classes of a whole video
say nothing.
"""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from absl import flags

from benchmarks.experiments.real_clips import REAL_SETS, TENNIS, Clip, RealSet, tennis_clips
from bsp_tf.base.atomic_file import atomic_folder
from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import write_json
from bsp_tf.video.reader import read_frames

FLAGS = flags.FLAGS

FOLDS = 3
# Headers of some clips say other rates; all show consecutive frames of cameras with this one.
FPS = 30
LABEL = "action"
SPLITS = {"training": "train", "validation": "val"}
X264 = {"preset": "veryfast", "crf": "20"}


def cover(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 [H, W, 3] scaled until it covers `size` (width, height), and cut to it."""
    height, width = frame.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24").reformat(
        max(size[0], round(width * scale)), max(size[1], round(height * scale)), "rgb24"
    )
    large = picture.to_ndarray()
    top, left = (large.shape[0] - size[1]) // 2, (large.shape[1] - size[0]) // 2
    return large[top : top + size[1], left : left + size[0]]


def join_clips(clips: Sequence[Clip], size: tuple[int, int], path: Path) -> dict[str, Any]:
    """Writes clips one after the other as one video; returns its entry of the annotations."""
    annotations, joints, count = [], [], 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=X264)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for clip in clips:
            start = count
            if start:
                joints.append({"kind": "cut", "segment": [start / FPS, start / FPS]})
            for frame in read_frames(clip.path):
                picture = av.VideoFrame.from_ndarray(cover(frame, size), format="rgb24")
                container.mux(stream.encode(picture))
                count += 1
            if clip.label:
                first, last = clip.action or (0, count - start - 1)
                segment = [(start + first) / FPS, (start + last + 1) / FPS]
                annotations.append({"label": LABEL, "segment": segment})
                if clip.action:
                    joints += [{"kind": "within a clip", "segment": [t, t]} for t in segment]
        container.mux(stream.encode(None))
    return {"duration": count / FPS, "annotations": annotations, "joints": joints}


def fold_roles(sessions: Sequence[str], fold: int) -> dict[str, str]:
    """Session -> "training", "validation" or "testing"."""
    roles = dict.fromkeys(sessions, "training")
    roles |= dict.fromkeys(sessions[fold::FOLDS], "testing")
    validation = sessions[(fold + 1) % FOLDS]
    return roles | {validation: "validation"}


def link_clips(clips: Sequence[Clip], roles: dict[str, str], folder: Path) -> None:
    """Links the clips of the training and the validation sessions by class, tennis in both."""
    for number, clip in enumerate(clips):
        role = roles.get(clip.session)
        if clip.session == TENNIS:
            role = "training" if number % 6 else "validation"
        if clip.label and role in SPLITS:
            place = folder / SPLITS[role] / clip.label
            place.mkdir(parents=True, exist_ok=True)
            (place / clip.path.name).symlink_to(clip.path.resolve())


def write_fold(
    root: Path, fold: int, clips: Sequence[Clip], entries: dict[str, dict[str, Any]]
) -> None:
    """Writes the folder of one fold; `entries`: of all videos, named SESSION_DRAW."""
    sessions = sorted({name.rsplit("_", 1)[0] for name in entries})
    roles = fold_roles(sessions, fold)
    folder = root / f"fold_{fold}"
    (folder / "videos").mkdir(parents=True)
    database = {}
    for name, entry in entries.items():
        session, draw = name.rsplit("_", 1)
        if roles[session] == "training" or draw == "0":
            database[name] = {"subset": roles[session], **entry}
            target = Path(os.pardir, os.pardir, "videos", f"{name}.mp4")
            (folder / "videos" / f"{name}.mp4").symlink_to(target)
    write_json(folder / "annotations.json", {"database": database})
    scores = {"class": [LABEL], "results": {name: [1.0] for name in database}}
    write_json(folder / "class_scores.json", scores)
    link_clips(clips, roles, folder / "clips")


def main(argv: Sequence[str]) -> None:
    """Makes the videos and the folds."""
    del argv
    chosen: RealSet = REAL_SETS[FLAGS.set]
    clips = chosen.clips(Path(FLAGS.source))
    if not clips:
        raise InputError(f"{FLAGS.source}: there are no clips of {FLAGS.set} in it.")
    # A session of one clip is no untrimmed video.
    count = Counter(clip.session for clip in clips if clip.label)
    sessions = sorted(session for session in count if count[session] > 1)
    with atomic_folder(FLAGS.output) as root:
        (root / "videos").mkdir()
        entries = {}
        for number, session in enumerate(sessions):
            mine = [clip for clip in clips if clip.session == session]
            for draw in range(chosen.draws):
                video = chosen.video(mine, np.random.default_rng((number, draw)))
                name = f"{session}_{draw}"
                path = root / "videos" / f"{name}.mp4"
                entries[name] = join_clips(video, chosen.size, path)
                entry = entries[name]
                print(
                    f"{name}: {entry['duration']:.0f} s, {len(entry['annotations'])} segments, "
                    f"{len(entry['joints'])} joints",
                    flush=True,
                )
        for fold in range(FOLDS):
            write_fold(root, fold, [*clips, *tennis_clips(Path(FLAGS.source))], entries)


def define_flags() -> None:
    """Defines the flags of the command."""
    flags.DEFINE_enum("set", None, list(REAL_SETS), "Which set.", required=True)
    flags.DEFINE_string("source", None, "Folder of the sets.", required=True)
    flags.DEFINE_string("output", None, "Folder to make.", required=True)


if __name__ == "__main__":
    run_command(main, define_flags)
