"""The clips of two public sets, by session: what untrimmed videos are joined from.

- `handwash`: steps of washing hands (folders named by the step), camera group 1 only: what is
  learned there does not carry over to group 2. A session is its steps in order, and every joint is
  a cut.
- `ut_interaction_set1`: interactions of two people, with some frames before and after them, and
  clips of the same scenes without any. A session is a sequence of the original recording.
"""

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HANDWASH_NAME = re.compile(r"HandWash_(\d+)_A_(\d+)_G_?01")
TENNIS = "tennis"
MOST_PAUSES = 3  # clips between two interactions


@dataclass(frozen=True)
class Clip:
    """One clip.

    Attributes:
        path: Its file.
        label: Class; "" for a clip in which nothing happens.
        session: Whose clips are only ever together in training, validation or testing.
        order: Place in its session.
        action: First and last frame of the action; None: from the first frame to the last.
    """

    path: Path
    label: str
    session: str
    order: int = 0
    action: tuple[int, int] | None = None


def handwash_clips(source: Path) -> list[Clip]:
    """Clips of camera group 1."""
    clips = []
    for path in sorted((source / "handwash").glob("*/*.mp4")):
        if match := HANDWASH_NAME.fullmatch(path.stem):
            clips.append(Clip(path, path.parent.name, match[1], int(match[2])))
    return clips


def ut_interaction_clips(source: Path) -> list[Clip]:
    """Interactions and pauses of set 1."""
    root = source / "ut_interaction_set1"
    clips = []
    with (root / "clips.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            first, last = row["action_first_frame_in_clip"], row["action_last_frame_in_clip"]
            action = (int(first), int(last)) if first else None
            label = row["class"] if action else ""
            clips.append(Clip(root / row["path"], label, row["seq"].zfill(2), 0, action))
    return clips


def tennis_clips(source: Path) -> list[Clip]:
    """Strokes: more clips for the training of encoders."""
    paths = sorted((source / "tennis").glob("*/*.mp4"))
    return [Clip(path, f"tennis {path.parent.name}", TENNIS) for path in paths]


def in_order(clips: Iterable[Clip], rng: np.random.Generator) -> list[Clip]:
    """A session of `handwash` as a video: its steps as they are numbered."""
    del rng
    return sorted(clips, key=lambda clip: clip.order)


def with_pauses(clips: Iterable[Clip], rng: np.random.Generator) -> list[Clip]:
    """A session of `ut_interaction_set1` as a video: 1 to 3 clips of pause around each action."""
    clips = list(clips)
    actions = [clip for clip in clips if clip.label]
    pauses = [clip for clip in clips if not clip.label]
    shuffled = iter([pauses[i] for i in rng.permutation(len(pauses))])
    most = min(MOST_PAUSES, len(pauses) // (len(actions) + 1))
    video: list[Clip] = []
    for i in rng.permutation(len(actions)):
        video += [next(shuffled) for _ in range(rng.integers(1, most, endpoint=True))]
        video.append(actions[i])
    return [*video, *(next(shuffled) for _ in range(rng.integers(1, most, endpoint=True)))]


@dataclass(frozen=True)
class RealSet:
    """One set.

    Attributes:
        clips: Reads its clips below the folder of all sets.
        video: A session's clips in the order in which a video shows them.
        draws: Videos of each training session.
        size: Width and height of the videos, pixels.
    """

    clips: Callable[[Path], list[Clip]]
    video: Callable[[Iterable[Clip], np.random.Generator], list[Clip]]
    draws: int
    size: tuple[int, int]


REAL_SETS: Mapping[str, RealSet] = {
    "handwash": RealSet(handwash_clips, in_order, draws=1, size=(192, 128)),
    "ut_interaction_set1": RealSet(ut_interaction_clips, with_pauses, draws=4, size=(160, 128)),
}
