"""Plans of the untrimmed sample videos: stretches, joints, distractors, and their annotations.

A video is background and action stretches in turn, met at joints; `hard_cut` and `cross_fade` begin a new shot (other
scene), `motion_change` is a new motion within the shot. Frame numbers count from 0; spans are [start, end).
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tfrecords_tools.sample_motions import ACTIONS, IDLE, WANDER, draw_speed
from tfrecords_tools.sample_textures import smooth_step
from tfrecords_tools.sample_world import FPS, HEIGHT, WIDTH

HARD_CUT, CROSS_FADE, MOTION_CHANGE = JOINT_KINDS = ("hard_cut", "cross_fade", "motion_change")
DISTRACTOR_KINDS = ("flash", "bump", "occlusion")
MIN_SECONDS, MAX_SECONDS = 20.0, 60.0
ACTION_SECONDS, BACKGROUND_SECONDS = (3.0, 8.0), (3.0, 9.0)
FADE_FRAMES = (6, 12)
MAX_ACTIONS = 4
ONE_CLASS_SHARE = 0.75
INNER_JOINT_SHARE = 0.4  # of the action and background stretches long enough for one
INNER_JOINT_SECONDS = 5.0
DISTRACTORS_A_SECOND = 0.08
CLEARANCE = round(1.2 * FPS)  # frames between a distractor and any joint or other distractor


@dataclasses.dataclass(frozen=True)
class Piece:
    """One motion of the actor within a shot, frames [start, end)."""

    motion: str
    speed: float
    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class Shot:
    """One camera take, frames [start, end) with its fades; `same_figures`: the figures of the shot before."""

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
    """Where two pieces meet: frames [start, end) of a fade, start == end otherwise."""

    kind: str
    place: str
    start: int
    end: int

    @property
    def seconds(self) -> float:
        """The middle, in seconds."""
        return (self.start + self.end) / 2 / FPS


@dataclasses.dataclass(frozen=True)
class Distractor:
    """A disturbance that is no joint, frames [start, end); angle and strength (0..1) are drawn."""

    kind: str
    start: int
    end: int
    angle: float
    strength: float


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


def _deck(values: Sequence, rng: np.random.Generator) -> Iterator:
    """Deals `values` for ever in shuffled rounds: after any number of cards the shares are equal to within one."""
    while True:
        for index in rng.permutation(len(values)):
            yield values[index]


def _draw_stretches(num_actions: int, label: str, rng: np.random.Generator) -> list[tuple[str, int]]:
    """(class or "" for background, number of frames) in turn, background first and last, 20-60 s in all."""
    other = label if rng.uniform() < ONE_CLASS_SHARE else str(rng.choice([a for a in ACTIONS if a != label]))
    labels = [label] + [str(rng.choice([label, other])) for _ in range(num_actions - 1)]
    if num_actions > 1 and other not in labels:
        labels[-1] = other
    rng.shuffle(labels)
    actions = rng.uniform(*ACTION_SECONDS, num_actions)
    background = rng.uniform(*BACKGROUND_SECONDS, num_actions + 1)
    wanted = np.clip(background.sum(), MIN_SECONDS + 0.5 - actions.sum(), MAX_SECONDS - 0.5 - actions.sum())
    background *= wanted / background.sum()
    stretches = [("", round(background[0] * FPS))]
    for name, action, pause in zip(labels, actions, background[1:], strict=True):
        stretches += [(name, round(action * FPS)), ("", round(pause * FPS))]
    return stretches


def _draw_pieces(stretches: list[tuple[str, int]], outer: Iterator[str], inner: Iterator[str],
                 rng: np.random.Generator) -> tuple[list[tuple[str, float, int]], list[tuple[str, str, int]]]:
    """Splits some stretches by an inner joint.

    Returns:
        (motion, speed, frames) of every piece, and (joint kind, place, frame) between each two of them.
    """
    pieces, joints, frame = [], [], 0
    for number, (label, length) in enumerate(stretches):
        if number:
            joints.append((next(outer), "action_start" if label else "action_end", frame))
        speed = draw_speed(rng)
        parts = [length]
        if length >= INNER_JOINT_SECONDS * FPS and rng.uniform() < INNER_JOINT_SHARE:
            first = round(length * rng.uniform(0.4, 0.6))
            parts = [first, length - first]
            joints.append((next(inner), "inside_action" if label else "background", frame + first))
        pieces += [(label or str(rng.choice([IDLE, WANDER])), speed, part) for part in parts]
        frame += length
    return pieces, joints


def _span(kind: str, frame: int, rng: np.random.Generator) -> tuple[int, int]:
    if kind != CROSS_FADE:
        return frame, frame
    length = int(rng.integers(FADE_FRAMES[0], FADE_FRAMES[1] + 1))
    return frame - length // 2, frame - length // 2 + length


def _build_shots(pieces: list[tuple[str, float, int]], joints: list[Joint], scenes: Iterator[int],
                 rng: np.random.Generator) -> tuple[Shot, ...]:
    shots, current, start = [], [], 0
    end_of_video = sum(length for _, _, length in pieces)
    ends = [joint.end for joint in joints] + [end_of_video]
    for (motion, speed, _), end, joint in zip(pieces, ends, [*joints, None], strict=True):
        current.append(Piece(motion, speed, start, end))
        if joint is None or joint.kind != MOTION_CHANGE:
            shots.append(Shot(tuple(current), next(scenes), bool(shots) and bool(rng.uniform() < 0.5)))
            current = []
        start = joint.start if joint else end
    return tuple(shots)


def _draw_distractors(num_frames: int, joints: list[Joint], kinds: Iterator[str],
                      rng: np.random.Generator) -> tuple[Distractor, ...]:
    """As many as fit of about one in 12 s, each well away from joints, the video's ends and one another."""
    taken = [(0, 0), (num_frames, num_frames)] + [(joint.start, joint.end) for joint in joints]
    drawn = []
    for _ in range(max(1, rng.poisson(DISTRACTORS_A_SECOND * num_frames / FPS))):
        kind = next(kinds)
        length = int(rng.integers(*{"flash": (4, 8), "bump": (7, 12), "occlusion": (9, 14)}[kind]))
        for _ in range(40):
            start = int(rng.integers(0, num_frames - length))
            if all(start - CLEARANCE >= end or start + length + CLEARANCE <= begin for begin, end in taken):
                taken.append((start, start + length))
                drawn.append(Distractor(kind, start, start + length, rng.uniform(0, 2 * np.pi), rng.uniform()))
                break
    return tuple(sorted(drawn, key=lambda distractor: distractor.start))


def plan_videos(subset: str, short: str, count: int, seeds: tuple[int, ...]) -> list[VideoPlan]:
    """Plans `count` videos of one subset ("training" or "validation"; `short` is its part of the ids).

    Joints at action starts and ends have the three kinds in equal shares to within one over the subset, inner joints
    cut and fade; so have classes, numbers of actions, scenes and distractors their shares. `seeds` decide everything.
    """
    rng = np.random.default_rng((*seeds, 0))
    outer, inner = _deck(JOINT_KINDS, rng), _deck((HARD_CUT, CROSS_FADE), rng)
    labels, numbers, scenes = _deck(ACTIONS, rng), _deck(range(1, MAX_ACTIONS + 1), rng), _deck(range(36), rng)
    kinds = _deck(DISTRACTOR_KINDS, rng)
    plans = []
    for index in range(count):
        stretches = _draw_stretches(next(numbers), next(labels), rng)
        pieces, rough = _draw_pieces(stretches, outer, inner, rng)
        joints = [Joint(kind, place, *_span(kind, frame, rng)) for kind, place, frame in rough]
        num_frames = sum(length for _, length in stretches)
        ends = [joint.seconds for joint in joints if joint.place in ("action_start", "action_end")]
        actions = [label for label, _ in stretches if label]
        name = f"sample_{short}_{index + 1:04d}"
        plans.append(VideoPlan(
            f"videos/{name}.mp4", name, subset, num_frames, _build_shots(pieces, joints, scenes, rng), tuple(joints),
            _draw_distractors(num_frames, joints, kinds, rng),
            tuple(zip(ends[::2], ends[1::2], actions, strict=True)), (*seeds, 1, index)))
    return plans


def distractor_bump(distractors: Sequence[Distractor], frame: int) -> np.ndarray:
    """x and y in pixels by which a knock moves the picture of a frame; float64 [2], mostly 0."""
    for knock in distractors:
        if knock.kind == "bump" and knock.start <= frame < knock.end:
            since = (frame - knock.start + 1) / (knock.end - knock.start)
            reach = (3 + 3 * knock.strength) * np.sin(3 * np.pi * since) * (1 - since) * 1.5
            return reach * np.array([np.cos(knock.angle), np.sin(knock.angle)])
    return np.zeros(2)


def distractor_overlay(picture: np.ndarray, distractors: Sequence[Distractor], frame: int) -> np.ndarray:
    """Lays a flash or a passing obstacle over a frame (float32 [HEIGHT, WIDTH, 3], 0..255); else returns it as it is."""
    for event in distractors:
        if not event.start <= frame < event.end:
            continue
        since = (frame - event.start + 1) / (event.end - event.start + 1)
        if event.kind == "flash":
            light = (0.45 + 0.4 * event.strength) * min(4 * since, 1.33 * (1 - since))
            picture = picture + np.float32(light) * (np.array([255, 250, 235], np.float32) - picture)
        elif event.kind == "occlusion":
            half = 0.22 * WIDTH * (1 + event.strength)
            travel = (WIDTH + 2 * half) * (since if event.angle < np.pi else 1 - since) - half
            across = np.arange(WIDTH, dtype=np.float32) + 0.15 * np.arange(HEIGHT, dtype=np.float32)[:, None]
            cover = smooth_step(-np.abs(across - 0.07 * HEIGHT - travel), -half, -half + 6)[..., None]
            picture = picture + 0.95 * cover * (np.array([38, 34, 46], np.float32) - picture)
    return picture.astype(np.float32)


def describe(plans: Sequence[VideoPlan]) -> dict[str, Any]:
    """The annotations of the planned videos in ActivityNet's format, with joints and distractors; times in seconds."""
    def span(start: float, end: float) -> list[float]:
        return [round(start, 4), round(end, 4)]

    root = {"nodeId": 0, "nodeName": "Root", "parentId": None, "parentName": None}
    leaves = [{"nodeId": i + 1, "nodeName": name, "parentId": 0, "parentName": "Root"}
              for i, name in enumerate(ACTIONS)]
    database = {plan.name: {
        "subset": plan.subset,
        "duration": round(plan.num_frames / FPS, 4),
        "fps": FPS,
        "num_frames": plan.num_frames,
        "resolution": f"{WIDTH}x{HEIGHT}",
        "annotations": [{"segment": span(start, end), "label": label} for start, end, label in plan.instances],
        "joints": [{"segment": span(j.start / FPS, j.end / FPS), "kind": j.kind, "place": j.place}
                   for j in plan.joints],
        "distractors": [{"segment": span(d.start / FPS, d.end / FPS), "kind": d.kind} for d in plan.distractors],
    } for plan in plans}
    return {"version": "bsp_tf sample 1", "taxonomy": [root, *leaves], "database": database}
