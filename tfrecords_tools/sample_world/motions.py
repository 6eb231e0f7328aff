"""Performances of the motion programs: drawn at random, and joined without a jump.

The mirror is drawn inside each class: no class is another one flipped.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from tfrecords_tools.sample_world.programs import ANGLE, PROGRAMS, X
from tfrecords_tools.sample_world.textures import smooth_step
from tfrecords_tools.sample_world.world import FPS

MIN_SPEED, MAX_SPEED = 0.8, 1.25
# What a single frame may show of any class: the deviation of x, y, log scale, log aspect around the
# frame's centre. Programs that move a figure far get bases that vary less (see draw_base), so that
# these totals hold for all.
TOTAL_DEVIATION = np.array([10.0, 7.5, np.pi, 0.22, 0.3])


@dataclasses.dataclass(frozen=True)
class Piece:
    """One motion of a figure, frames [start, end); pieces that overlap pass into each other."""

    motion: str
    speed: float
    start: int
    end: int


@dataclasses.dataclass(frozen=True, eq=False)
class Motion:
    """One performance of a program.

    Attributes:
        name: of the program.
        speed: factor.
        phase: where it starts, cycles.
        mirror: +1 or -1.
        size: 0..1.
        path: random numbers in 0..1 for programs that draw their own way.
    """

    name: str
    speed: float
    phase: float
    mirror: int
    size: float
    path: np.ndarray

    def poses(self, seconds: np.ndarray) -> np.ndarray:
        """Poses relative to the base, float64 [n, 5], at seconds [n] since the motion began."""
        period, program = PROGRAMS[self.name]
        poses = program(
            np.asarray(seconds, float) * self.speed / period + self.phase, self.size, self.path
        )
        poses[:, [X, ANGLE]] *= self.mirror
        return poses

    def deviation(self) -> np.ndarray:
        """Standard deviation of each pose number over half a minute; float64 [5]."""
        return self.poses(np.arange(0, 30, 0.04)).std(0)


def draw_speed(rng: np.random.Generator) -> float:
    """A speed factor between MIN_SPEED and MAX_SPEED, even in its logarithm."""
    return float(np.exp(rng.uniform(np.log(MIN_SPEED), np.log(MAX_SPEED))))


def draw_motion(name: str, rng: np.random.Generator, speed: float) -> Motion:
    """A random performance of a program; `speed` is a factor."""
    phase, mirror, size = rng.uniform(), 1 if rng.uniform() < 0.5 else -1, rng.uniform()
    return Motion(name, speed, float(phase), mirror, float(size), rng.uniform(size=64))


def base_deviation(motion: Motion) -> np.ndarray:
    """Deviation of the base, float64 [5]: with the motion's own it makes TOTAL_DEVIATION."""
    return np.sqrt(
        np.maximum(TOTAL_DEVIATION**2 - motion.deviation() ** 2, 0.01 * TOTAL_DEVIATION**2)
    )


def draw_base(motion: Motion, rng: np.random.Generator) -> np.ndarray:
    """A base around the frame's centre, float64 [5]: any angle, the rest normal, limited."""
    base = base_deviation(motion) * np.clip(rng.standard_normal(5), -2, 2)
    base[ANGLE] = rng.uniform(0, 2 * np.pi)
    return base


def continue_motion(
    name: str, pose: np.ndarray, rng: np.random.Generator, speed: float
) -> tuple[Motion, np.ndarray]:
    """A motion that goes on from `pose` without a jump, and its base.

    Of some random performances the first whose base is as near the centre as bases usually are is
    taken (else the nearest): a figure that changed its motion several times must not leave the
    frame or shrink away.

    Returns:
        (motion, base [5]); base + motion.poses([0])[0] equals pose.
    """
    nearest = np.inf
    for attempt in range(24):
        motion = draw_motion(name, rng, speed)
        base = pose - motion.poses(np.zeros(1))[0]
        distance = np.delete(np.abs(base) / base_deviation(motion), ANGLE).max()
        if not attempt or distance < nearest:
            nearest, best_motion, best_base = float(distance), motion, base
        if distance < 1.7:
            break
    return best_motion, best_base


def perform(pieces: Sequence[Piece], rng: np.random.Generator) -> np.ndarray:
    """Poses of a figure through its pieces, each random and without a jump to the one before.

    Where two overlap, the figure passes from one motion to the other; both have the same pose in
    the middle.

    Returns:
        float64 [frames + 1, 5], from the first piece's start to the last one's end, where the next
        shot begins.
    """
    first = pieces[0]
    motion = draw_motion(first.motion, rng, first.speed)
    base = draw_base(motion, rng)
    poses = base + motion.poses(np.arange(first.end - first.start + 1) / FPS)
    for before, piece in itertools.pairwise(pieces):
        overlap = before.end - piece.start
        begin, middle = piece.start - first.start, piece.start + overlap // 2 - first.start
        motion, base = continue_motion(piece.motion, poses[middle], rng, piece.speed)
        frames = np.arange(begin, piece.end - first.start + 1)
        coming = base + motion.poses((frames - middle) / FPS)
        share = smooth_step(np.arange(1, overlap + 1), 0, overlap + 1)[:, None]
        passing = poses[begin : begin + overlap]
        coming[:overlap] = passing + share * (coming[:overlap] - passing)
        poses = np.concatenate([poses[:begin], coming])
    return poses
