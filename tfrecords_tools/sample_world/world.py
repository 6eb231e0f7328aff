"""The sample world's camera: a panned ground with an acting figure and a bystander, frame by frame.

The camera follows the figures: they stay in the frame while the ground slides under them, slowly
but now faster, now slower. In two of three takes it is held by hand and trembles.
"""

import dataclasses

import numpy as np

from tfrecords_tools.sample_world.textures import (
    GROUND_FAMILIES,
    GROUND_PALETTES,
    SPRITE_EXTENT,
    SPRITE_SIZE,
    SPRITE_TEXELS,
    figure_sprite,
    ground_tile,
)

WIDTH, HEIGHT, FPS = 96, 72, 25
FIGURE_RADIUS = 11.5  # pixels, at log scale 0
MIN_PAN, MAX_PAN = 3.0, 9.0  # pixels per second, the steady part
# Waves of the camera: reach in pixels and turns per second, each drawn for x and for y.
SWINGS = (3, (4.0, 12.0), (0.05, 0.2))
TREMBLES = (3, (0.1, 0.45), (0.7, 2.5))
HAND_HELD_SHARE = 2 / 3
CENTER = np.array([WIDTH / 2, HEIGHT / 2])


@dataclasses.dataclass(frozen=True)
class Look:
    """What is seen, without what moves: kind of ground and seeds of the random parts."""

    family: str
    palette: str
    ground_seed: int
    actor_seed: int
    bystander_seed: int


def scene_kind(index: int) -> tuple[str, str]:
    """Family and palette number `index` of an endless round.

    Every 6 in a row hold each family and each palette once, every 36 each pair once. Clip `index`
    of every class uses it, so that all classes have the same scenes.
    """
    families, palettes = list(GROUND_FAMILIES), list(GROUND_PALETTES)
    turn = index // len(families)
    return families[index % len(families)], palettes[(index + turn) % len(palettes)]


def draw_look(
    kind: tuple[str, str], rng: np.random.Generator, figures_of: Look | None = None
) -> Look:
    """A random look of (family, palette); `figures_of` keeps the figures of another look."""
    ground, actor, bystander = (int(seed) for seed in rng.integers(0, 2**31, 3))
    if figures_of is not None:
        actor, bystander = figures_of.actor_seed, figures_of.bystander_seed
    return Look(*kind, ground, actor, bystander)


def draw_figure(canvas: np.ndarray, sprite: np.ndarray, pose: np.ndarray) -> None:
    """Lays a sprite over `canvas`, float32 [H, W, 3], in place, at a pose from the frame's centre.

    Only the pixels of its bounding box are visited; parts outside the frame are left out. The
    nearest texel is taken: a sprite has four to a pixel.
    """
    height, width = canvas.shape[:2]
    x, y, angle, log_scale, log_aspect = pose.tolist()
    x, y = x + width / 2, y + height / 2
    across = FIGURE_RADIUS * np.exp(log_scale + log_aspect / 2)
    down = FIGURE_RADIUS * np.exp(log_scale - log_aspect / 2)
    reach = SPRITE_EXTENT * max(across, down)
    left, right = max(int(x - reach), 0), min(int(x + reach) + 2, width)
    top, bottom = max(int(y - reach), 0), min(int(y + reach) + 2, height)
    if left >= right or top >= bottom:
        return
    dx = np.arange(left, right, dtype=np.float32)[None] - np.float32(x)
    dy = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    middle = np.float32(SPRITE_SIZE / 2)
    column = (cosine * dx + sine * dy) * np.float32(SPRITE_TEXELS / across) + middle
    row = (cosine * dy - sine * dx) * np.float32(SPRITE_TEXELS / down) + middle
    # Beyond the sprite its border is repeated, which is clear.
    for index in (column, row):
        np.minimum(np.maximum(index, 0, out=index), SPRITE_SIZE - 1, out=index)
    ink = sprite.reshape(-1, 4).take(
        row.astype(np.int32) * SPRITE_SIZE + column.astype(np.int32), 0
    )
    part = canvas[top:bottom, left:right]
    part *= 1 - ink[..., 3:]
    part += ink[..., :3]


def _draw_waves(kind: tuple, rng: np.random.Generator) -> np.ndarray:
    """Random waves of a kind: float64 [waves, 3, 2], of x and y reach, turns per second, phase."""
    count, reach, turns = kind
    low, high = zip(reach, turns, (0.0, 1.0), strict=True)
    return rng.uniform(np.array(low)[:, None], np.array(high)[:, None], (count, 3, 2))


def _waves_at(waves: np.ndarray, seconds: float) -> np.ndarray:
    """x and y of the sum of waves; float64 [2]."""
    reach, turns, phase = waves.swapaxes(0, 1)
    return (reach * np.sin(2 * np.pi * (turns * seconds + phase))).sum(0)


class Scene:
    """One unbroken camera take: a look, and what the camera does."""

    def __init__(self, look: Look, rng: np.random.Generator):
        tile = ground_tile(look.family, look.palette, np.random.default_rng(look.ground_seed))
        # Wrapped beyond the edges by one frame: every view is then one slice.
        self._ground = np.pad(tile, ((0, HEIGHT + 1), (0, WIDTH + 1), (0, 0)), mode="wrap")
        self._tile_size = np.array(tile.shape[:2])
        self._actor = figure_sprite(np.random.default_rng(look.actor_seed))
        self._bystander = figure_sprite(np.random.default_rng(look.bystander_seed))
        speed, bearing = rng.uniform(MIN_PAN, MAX_PAN), rng.uniform(0, 2 * np.pi)
        self._pan = speed * np.array([np.cos(bearing), np.sin(bearing)])
        self._start = rng.uniform(0, 1, 2) * self._tile_size
        self._swings = _draw_waves(SWINGS, rng)
        self._trembles = _draw_waves(TREMBLES, rng)
        self._trembles[:, 0] *= rng.uniform() < HAND_HELD_SHARE
        self._actor_in_front = rng.uniform() < 0.5

    def _view(self, seconds: float, shift: np.ndarray) -> np.ndarray:
        """The ground seen at a time: float32 [HEIGHT, WIDTH, 3], bilinear between texels."""
        moved = self._pan * seconds + _waves_at(self._swings, seconds) - shift
        origin = (self._start + moved[::-1]) % self._tile_size
        top, left = (int(number) for number in origin)
        down, right = np.float32(origin[0] - top), np.float32(origin[1] - left)
        # A position just below the tile's size may round up to it.
        top, left = top % self._tile_size[0], left % self._tile_size[1]
        texels = self._ground[top : top + HEIGHT + 1, left : left + WIDTH + 1]
        rows = texels[:-1] + down * (texels[1:] - texels[:-1])
        return rows[:, :-1] + right * (rows[:, 1:] - rows[:, :-1])

    def draw(
        self,
        seconds: float,
        actor_pose: np.ndarray,
        bystander_pose: np.ndarray,
        bump: np.ndarray | None = None,
    ) -> np.ndarray:
        """The frame at a time of this take.

        Args:
            seconds: time since the take began.
            actor_pose, bystander_pose: float [5], relative to the frame's centre.
            bump: x and y in pixels by which a knock moves the whole picture.

        Returns:
            float32 [HEIGHT, WIDTH, 3], 0..255.
        """
        shift = _waves_at(self._trembles, seconds) + (np.zeros(2) if bump is None else bump)
        canvas = self._view(seconds, shift)
        figures = [(self._bystander, bystander_pose), (self._actor, actor_pose)]
        for sprite, pose in figures if self._actor_in_front else figures[::-1]:
            draw_figure(canvas, sprite, pose + [*shift, 0, 0, 0])
        return canvas
