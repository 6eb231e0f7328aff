"""Disturbances in the sample videos that are not joints: flashes, knocks, passing things.

Without them every sudden change of pixels would be a joint, and finding joints too easy.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from tfrecords_tools.sample_world.textures import smooth_step
from tfrecords_tools.sample_world.world import FPS, HEIGHT, WIDTH

# Least length, first length too long.
FRAMES = {"flash": (4, 8), "bump": (7, 12), "occlusion": (9, 14)}
DISTRACTOR_KINDS = tuple(FRAMES)
DISTRACTORS_PER_SECOND = 0.08
CLEARANCE = round(0.6 * FPS)  # frames between a distractor and any joint or other distractor


@dataclasses.dataclass(frozen=True)
class Distractor:
    """A disturbance that is not a joint: frames [start, end), drawn angle and strength (0..1)."""

    kind: str
    start: int
    end: int
    angle: float
    strength: float


def draw_distractors(
    num_frames: int,
    joints: Sequence[tuple[int, int]],
    kinds: Iterator[str],
    rng: np.random.Generator,
) -> tuple[Distractor, ...]:
    """About one in 12 s, as many as fit, away from joints, the video's ends and one another."""
    taken = [(0, 0), (num_frames, num_frames)] + list(joints)
    drawn = []
    for _ in range(max(1, rng.poisson(DISTRACTORS_PER_SECOND * num_frames / FPS))):
        kind = next(kinds)
        length = int(rng.integers(*FRAMES[kind]))
        for _ in range(40):
            start = int(rng.integers(0, num_frames - length))
            if all(
                start - CLEARANCE >= end or start + length + CLEARANCE <= begin
                for begin, end in taken
            ):
                angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform()
                taken.append((start, start + length))
                drawn.append(Distractor(kind, start, start + length, angle, strength))
                break
    return tuple(sorted(drawn, key=lambda distractor: distractor.start))


def distractor_bump(distractors: Sequence[Distractor], frame: int) -> np.ndarray:
    """x and y in pixels by which a knock moves the picture of a frame; float64 [2], mostly 0."""
    for knock in distractors:
        if knock.kind == "bump" and knock.start <= frame < knock.end:
            since = (frame - knock.start + 1) / (knock.end - knock.start)
            reach = (3 + 3 * knock.strength) * np.sin(3 * np.pi * since) * (1 - since) * 1.5
            return reach * np.array([np.cos(knock.angle), np.sin(knock.angle)])
    return np.zeros(2)


def distractor_overlay(
    picture: np.ndarray, distractors: Sequence[Distractor], frame: int
) -> np.ndarray:
    """Lays a flash or a passing obstacle over a frame if one is on; float32 [H, W, 3], 0..255."""
    for event in distractors:
        if not event.start <= frame < event.end:
            continue
        since = (frame - event.start + 1) / (event.end - event.start + 1)
        if event.kind == "flash":
            light = (0.45 + 0.4 * event.strength) * min(4 * since, 1.33 * (1 - since))
            picture = picture + np.float32(light) * (
                np.array([255, 250, 235], np.float32) - picture
            )
        elif event.kind == "occlusion":
            half = 0.22 * WIDTH * (1 + event.strength)
            travel = (WIDTH + 2 * half) * (since if event.angle < np.pi else 1 - since) - half
            across = (
                np.arange(WIDTH, dtype=np.float32)
                + 0.15 * np.arange(HEIGHT, dtype=np.float32)[:, None]
            )
            cover = smooth_step(-np.abs(across - 0.07 * HEIGHT - travel), -half, -half + 6)[
                ..., None
            ]
            picture = picture + 0.95 * cover * (np.array([38, 34, 46], np.float32) - picture)
    return picture.astype(np.float32)
