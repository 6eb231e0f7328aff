"""Motion programs of the sample world: the only difference of its action classes.

A pose is five numbers that add up: x and y in pixels, angle in radians, log scale, log aspect
(width over height). A program gives the pose of a figure relative to its base; all programs but
`spin` (angle) have mean about zero, so the base is where the figure is on average.

The programs between actions (`BACKGROUND`) use the same pose numbers, as far and as fast, put
together in other ways: neither a moving figure nor the strength of its motion says that an action
is on.
"""

from collections.abc import Callable

import numpy as np

X, Y, ANGLE, LOG_SCALE, LOG_ASPECT = range(5)
IDLE, WANDER = "idle", "wander"


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


def _triangle(cycles: np.ndarray) -> np.ndarray:
    return 4 * np.abs(cycles % 1 - 0.5) - 1


def _drift(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    """Straight to and fro on a slanted line, and growing on one side of it."""
    reach, bearing = 9 + 3 * size, 2 * np.pi * path[0]
    along = _triangle(cycles)
    columns = {X: reach * np.cos(bearing) * along, Y: 0.8 * reach * np.sin(bearing) * along}
    return _poses(cycles, {**columns, LOG_SCALE: 0.12 * along})


def _figure_eight(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    reach = 10 + 2 * size
    return _poses(cycles, {X: reach * _wave(cycles), Y: 0.55 * reach * _wave(2 * cycles)})


def _nod(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    """Bursts of short turns, with rests between them."""
    burst = np.clip(2 * _wave(cycles / 4 + path[0]) + 0.6, 0, 1)
    turn = (0.45 + 0.2 * size) * burst * _wave(cycles)
    return _poses(cycles, {ANGLE: turn, Y: 3 * burst * _wave(cycles + 0.25)})


def _skitter(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    """Small quick steps to random points, hardly a rest between them."""
    reach = 6 + 2 * size
    index = np.floor(cycles).astype(int)
    u = np.clip((cycles - index) / 0.8, 0, 1)
    ease = u * u * (3 - 2 * u)
    columns = {}
    for column, stops in ((X, 2 * path - 1), (Y, 2 * path[::-1] - 1)):
        here, there = stops[index % len(stops)], stops[(index + 1) % len(stops)]
        columns[column] = reach * (here + (there - here) * ease)
    return _poses(cycles, columns)


def _sway(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    reach = 5 + 2 * size
    return _poses(cycles, {X: reach * _wave(cycles), ANGLE: 0.4 * _wave(cycles + 0.25)})


def _swell(cycles: np.ndarray, size: float, path: np.ndarray) -> np.ndarray:
    """Grows and widens in turn."""
    reach = 0.18 + 0.06 * size
    return _poses(
        cycles, {LOG_SCALE: reach * _wave(cycles), LOG_ASPECT: 1.3 * reach * _wave(cycles + 0.25)}
    )


# name -> (period at speed 1 in seconds, poses relative to the base); the poses of `cycles` [n] are
# float64 [n, 5], `size` is in 0..1, `path` random numbers in 0..1 for programs that draw their way.
Program = Callable[[np.ndarray, float, np.ndarray], np.ndarray]
_ACTIONS: dict[str, tuple[float, Program]] = {
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
}
_BACKGROUND: dict[str, tuple[float, Program]] = {
    "drift": (1.1, _drift),
    "figure_eight": (1.4, _figure_eight),
    "nod": (0.5, _nod),
    "skitter": (0.4, _skitter),
    "sway": (0.9, _sway),
    "swell": (1.0, _swell),
    IDLE: (1.0, _idle),
    WANDER: (7.0, _wander),
}
PROGRAMS = {**_ACTIONS, **_BACKGROUND}
ACTIONS, BACKGROUND = tuple(sorted(_ACTIONS)), tuple(sorted(_BACKGROUND))
