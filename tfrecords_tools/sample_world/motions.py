"""Motion programs of the sample world: the only difference of its action classes.

A pose is five numbers that add up: x and y in pixels, angle in radians, log scale, log aspect
(width over height). A program gives the pose of a figure relative to its base; all programs but
`spin` (angle) have mean about zero, so the base is where the figure is on average. The mirror is
drawn inside each class: no class is another one flipped.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

X, Y, ANGLE, LOG_SCALE, LOG_ASPECT = range(5)
MIN_SPEED, MAX_SPEED = 0.8, 1.25
IDLE, WANDER = "idle", "wander"
# What a single frame may show of any class: the deviation of x, y, log scale, log aspect around the
# frame's centre. Programs that move a figure far get bases that vary less (see draw_base), so that
# these totals hold for all.
TOTAL_DEVIATION = np.array([10.0, 7.5, np.pi, 0.22, 0.3])


def _poses(cycles: np.ndarray, columns: dict[int, np.ndarray]) -> np.ndarray:
    """Poses that are 0 but for the given columns."""
    poses = np.zeros((len(cycles), 5))
    for column, values in columns.items():
        poses[:, column] = values
    return poses


def _wave(cycles: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * cycles)


def _bounce(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    u = cycles % 1
    return _poses(cycles, {Y: -(14 + 4 * size) * (4 * u * (1 - u) - 2 / 3)})


def _circle(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    radius = 7.5 + 2 * size
    return _poses(cycles, {X: radius * _wave(cycles + 0.25), Y: radius * _wave(cycles)})


def _dart(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    """Rests for two thirds of a cycle, then glides to another point of a ring."""
    radius = 8.5 + 1.5 * size
    bearing = 2 * np.pi * np.cumsum(0.3 + 0.4 * path)
    index = np.floor(cycles).astype(int)
    u = np.clip((cycles - index - 0.66) / 0.34, 0, 1)
    ease = u * u * (3 - 2 * u)
    columns = {}
    for column, ring in ((X, radius * np.cos(bearing)), (Y, radius * np.sin(bearing))):
        here, there = ring[index % len(ring)], ring[(index + 1) % len(ring)]
        columns[column] = here + (there - here) * ease
    return _poses(cycles, columns)


def _pendulum(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    length, swing = 16 + 3 * size, 0.68 * _wave(cycles)
    return _poses(
        cycles, {X: length * np.sin(swing), Y: length * (np.cos(swing) - 0.89), ANGLE: -swing}
    )


def _pulse(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    return _poses(cycles, {LOG_SCALE: (0.22 + 0.08 * size) * _wave(cycles)})


def _rock(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    return _poses(cycles, {ANGLE: (0.65 + 0.25 * size) * _wave(cycles)})


def _shake(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    return _poses(
        cycles, {X: (2.6 + 0.9 * size) * _wave(cycles), ANGLE: 0.16 * _wave(cycles + 0.2)}
    )


def _slide(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    return _poses(cycles, {X: (9 + 3 * size) * _wave(cycles)})


def _spin(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    return _poses(cycles, {ANGLE: 2 * np.pi * cycles})


def _stretch(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    return _poses(cycles, {LOG_ASPECT: (0.34 + 0.08 * size) * _wave(cycles)})


def _idle(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    return _poses(cycles, {})


def _wander(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    """Strolls at some 5-10 pixels/s with slow turns: far slower than any action."""
    reach = 5 + 2 * size
    across = _wave(cycles + path[0]) + 0.4 * _wave(1.7 * cycles + path[1])
    down = _wave(0.8 * cycles + path[2]) + 0.4 * _wave(1.5 * cycles + path[3])
    turn = _wave(0.9 * cycles + path[4])
    return _poses(cycles, {X: reach * across, Y: 0.7 * reach * down, ANGLE: 0.5 * turn})


# name -> (period at speed 1 in seconds, poses relative to the base)
_PROGRAMS: dict[str, tuple[float, Callable[[np.ndarray, float, np.ndarray], np.ndarray]]] = {
    "bounce": (0.75, _bounce),
    "circle": (0.95, _circle),
    "dart": (0.85, _dart),
    "pendulum": (1.0, _pendulum),
    "pulse": (0.8, _pulse),
    "rock": (0.7, _rock),
    "shake": (0.28, _shake),
    "slide": (0.85, _slide),
    "spin": (1.1, _spin),
    "stretch": (0.8, _stretch),
    IDLE: (1.0, _idle),
    WANDER: (7.0, _wander),
}
ACTIONS = tuple(sorted(set(_PROGRAMS) - {IDLE, WANDER}))


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
        period, program = _PROGRAMS[self.name]
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
    """A random performance of a program: one of ACTIONS, IDLE, WANDER; `speed` is a factor."""
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
