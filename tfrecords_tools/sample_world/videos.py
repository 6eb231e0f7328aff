"""Plans of the untrimmed sample videos: stretches, joints, distractors, and their annotations.

A video is background and action stretches in turn, met at joints. `hard_cut` and `cross_fade` begin
a new shot (other scene). `motion_change` is a new motion within the shot, from one frame to the
next; at a `motion_passage` the old motion passes into the new one within half a second to a second.
The same joints lie inside stretches, where nothing begins or ends: an action goes on from another
camera or in another rhythm, a background goes on with another motion. Frame numbers count from 0;
spans are [start, end).
"""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from tfrecords_tools.sample_world.distractors import DISTRACTOR_KINDS, Distractor, draw_distractors
from tfrecords_tools.sample_world.motions import Piece, draw_speed
from tfrecords_tools.sample_world.programs import ACTIONS, BACKGROUND
from tfrecords_tools.sample_world.world import FPS, HEIGHT, WIDTH

Value = TypeVar("Value")

JOINT_KINDS = ("hard_cut", "cross_fade", "motion_change", "motion_passage")
NEW_SHOT_KINDS = ("hard_cut", "cross_fade")
# Frames of the joints that take time, at most half of the shorter of the pieces that meet.
JOINT_FRAMES = {"cross_fade": (6, 12), "motion_passage": (12, 25)}
MIN_SECONDS, MAX_SECONDS = 12.0, 45.0
# Even in the logarithm: short ones are common.
ACTION_SECONDS, BACKGROUND_SECONDS = (1.0, 15.0), (1.0, 8.0)
MAX_ACTIONS = 4
ONE_CLASS_SHARE = 0.75
# Inner joints: each whole 3 s of a stretch may have one.
INNER_JOINT_SECONDS = 3.0
INNER_JOINT_SHARE = 0.45


@dataclasses.dataclass(frozen=True)
class Shot:
    """One camera take, frames [start, end) with its fades.

    Attributes:
        pieces: motions of the actor, in the order of time.
        scene: number of the scene, see `world.scene_kind`.
        same_figures: whether the figures are those of the shot before.
    """

    pieces: tuple[Piece, ...]
    scene: int
    same_figures: bool

    @property
    def start(self) -> int:
        return self.pieces[0].start

    @property
    def end(self) -> int:
        return self.pieces[-1].end


@dataclasses.dataclass(frozen=True)
class Joint:
    """Where two pieces meet: frames [start, end) if it takes time, start == end otherwise."""

    kind: str
    place: str
    start: int
    end: int

    @property
    def seconds(self) -> float:
        """The middle, in seconds."""
        return (self.start + self.end) / 2 / FPS


@dataclasses.dataclass(frozen=True)
class VideoPlan:
    """All that is decided about a video before a pixel is drawn."""

    path: str
    name: str
    subset: str
    num_frames: int
    shots: tuple[Shot, ...]
    joints: tuple[Joint, ...]
    distractors: tuple[Distractor, ...]
    instances: tuple[tuple[float, float, str], ...]  # start and end in seconds, class
    seeds: tuple[int, ...]


def deal(values: Sequence[Value], rng: np.random.Generator) -> Iterator[Value]:
    """Deals `values` for ever in shuffled rounds: their shares never differ by more than one."""
    while True:
        for index in rng.permutation(len(values)):
            yield values[index]


def _draw_labels(num_actions: int, used: Counter[str], rng: np.random.Generator) -> list[str]:
    """Classes of a video's instances, mostly one, else two: the rarest in `used`, which counts."""
    rarest = sorted(rng.permutation(ACTIONS).tolist(), key=used.__getitem__)
    mixed = num_actions > 1 and rng.uniform() >= ONE_CLASS_SHARE
    num_others = int(rng.integers(1, num_actions)) if mixed else 0
    labels = [rarest[0]] * (num_actions - num_others) + [rarest[1]] * num_others
    used.update(labels)
    return rng.permutation(labels).tolist()


def _log_uniform(limits: tuple[float, float], count: int, rng: np.random.Generator) -> np.ndarray:
    low, high = np.log(limits)
    return np.exp(rng.uniform(low, high, count))


def _draw_stretches(labels: list[str], rng: np.random.Generator) -> list[tuple[str, int]]:
    """Background and actions in turn, 12-45 s in all: (class or "", number of frames)."""
    total = 0.0
    while not MIN_SECONDS <= total <= MAX_SECONDS:
        actions = _log_uniform(ACTION_SECONDS, len(labels), rng)
        background = _log_uniform(BACKGROUND_SECONDS, len(labels) + 1, rng)
        total = actions.sum() + background.sum()
    stretches = [("", round(background[0] * FPS))]
    for name, action, pause in zip(labels, actions, background[1:], strict=True):
        stretches += [(name, round(action * FPS)), ("", round(pause * FPS))]
    return stretches


def _shares(num_actions: int, rng: np.random.Generator) -> tuple[Iterator[str], Iterator[str]]:
    """Kinds of the joints at all starts and at all ends, in equal shares in each and in both."""
    cards = [JOINT_KINDS[i % len(JOINT_KINDS)] for i in range(2 * num_actions)]
    starts, ends = cards[:num_actions], cards[num_actions:]
    return iter(rng.permutation(starts).tolist()), iter(rng.permutation(ends).tolist())


def _split(length: int, rng: np.random.Generator) -> list[int]:
    """Frames of the parts of a stretch between its inner joints."""
    slots = int(length / FPS // INNER_JOINT_SECONDS)
    parts = 1 + int(rng.binomial(slots, INNER_JOINT_SHARE))
    cuts = [round(length * (i + rng.uniform(-0.25, 0.25)) / parts) for i in range(1, parts)]
    return np.diff([0, *cuts, length]).tolist()


def _span(kind: str, frame: int, room: int, rng: np.random.Generator) -> tuple[int, int]:
    """First frame and end of a joint around `frame`, between pieces of `room` frames and more."""
    if kind not in JOINT_FRAMES:
        return frame, frame
    length = min(int(rng.integers(*JOINT_FRAMES[kind], endpoint=True)), room // 2)
    return frame - length // 2, frame - length // 2 + length


def _draw_pieces(
    stretches: list[tuple[str, int]], kinds: dict[str, Iterator[str]], rng: np.random.Generator
) -> tuple[list[Piece], list[Joint]]:
    """Splits stretches by inner joints; returns the pieces, without overlap, and the joints."""
    pieces: list[Piece] = []
    joints: list[Joint] = []
    frame = 0
    for label, length in stretches:
        parts = _split(length, rng)
        inner = "inside_action" if label else "background"
        places = ["action_start" if label else "action_end"] + [inner] * (len(parts) - 1)
        for place, part in zip(places, parts, strict=True):
            if frame:
                kind = next(kinds[place])
                room = min(part, frame - pieces[-1].start)
                joints.append(Joint(kind, place, *_span(kind, frame, room, rng)))
            motion = label or str(rng.choice(BACKGROUND))
            pieces.append(Piece(motion, draw_speed(rng), frame, frame + part))
            frame += part
    return pieces, joints


def _build_shots(
    pieces: list[Piece], joints: list[Joint], scenes: Iterator[int], rng: np.random.Generator
) -> tuple[Shot, ...]:
    """Gathers pieces into shots; what meets in a joint that takes time overlaps."""
    shots: list[Shot] = []
    current: list[Piece] = []
    start = 0
    for piece, joint in zip(pieces, [*joints, None], strict=True):
        current.append(
            dataclasses.replace(piece, start=start, end=joint.end if joint else piece.end)
        )
        if joint is None or joint.kind in NEW_SHOT_KINDS:
            shots.append(
                Shot(tuple(current), next(scenes), bool(shots) and bool(rng.uniform() < 0.5))
            )
            current = []
        start = joint.start if joint else piece.end
    return tuple(shots)


def plan_videos(subset: str, short: str, count: int, seeds: tuple[int, ...]) -> list[VideoPlan]:
    """Plans `count` videos of one subset, "training", ...; `short` stands in their ids.

    Over the subset the kinds of joints have equal shares to within one, at action starts, at action
    ends, in both together and inside stretches. Numbers of actions, scenes and distractors are
    dealt evenly too, and classes nearly so. `seeds` decide everything.
    """
    rng = np.random.default_rng((*seeds, 0))
    numbers = list(itertools.islice(deal(range(1, MAX_ACTIONS + 1), rng), count))
    starts, ends = _shares(sum(numbers), rng)
    kinds = {
        "action_start": starts,
        "action_end": ends,
        "inside_action": deal(JOINT_KINDS, rng),
        "background": deal(JOINT_KINDS, rng),
    }
    scenes, disturbances = deal(range(36), rng), deal(DISTRACTOR_KINDS, rng)
    used: Counter[str] = Counter()
    plans = []
    for index, num_actions in enumerate(numbers):
        stretches = _draw_stretches(_draw_labels(num_actions, used, rng), rng)
        pieces, joints = _draw_pieces(stretches, kinds, rng)
        num_frames = pieces[-1].end
        edges = [joint.seconds for joint in joints if joint.place in ("action_start", "action_end")]
        actions = [label for label, _ in stretches if label]
        name = f"sample_{short}_{index + 1:04d}"
        plans.append(
            VideoPlan(
                f"videos/{name}.mp4",
                name,
                subset,
                num_frames,
                _build_shots(pieces, joints, scenes, rng),
                tuple(joints),
                draw_distractors(num_frames, [(j.start, j.end) for j in joints], disturbances, rng),
                tuple(zip(edges[::2], edges[1::2], actions, strict=True)),
                (*seeds, 1, index),
            )
        )
    return plans


def describe(plans: Sequence[VideoPlan]) -> dict[str, Any]:
    """Annotations in ActivityNet's format, with joints and distractors; times in seconds."""

    def span(start: float, end: float) -> list[float]:
        return [round(start, 4), round(end, 4)]

    root = {"nodeId": 0, "nodeName": "Root", "parentId": None, "parentName": None}
    leaves = [
        {"nodeId": i + 1, "nodeName": name, "parentId": 0, "parentName": "Root"}
        for i, name in enumerate(ACTIONS)
    ]
    database = {
        plan.name: {
            "subset": plan.subset,
            "duration": round(plan.num_frames / FPS, 4),
            "fps": FPS,
            "num_frames": plan.num_frames,
            "resolution": f"{WIDTH}x{HEIGHT}",
            "annotations": [
                {"segment": span(start, end), "label": label}
                for start, end, label in plan.instances
            ],
            "joints": [
                {"segment": span(j.start / FPS, j.end / FPS), "kind": j.kind, "place": j.place}
                for j in plan.joints
            ],
            "distractors": [
                {"segment": span(d.start / FPS, d.end / FPS), "kind": d.kind}
                for d in plan.distractors
            ],
        }
        for plan in plans
    }
    return {"version": "bsp_tf sample 3", "taxonomy": [root, *leaves], "database": database}
