"""Looks of the sample world: seamless background tiles and the sprites of its little figures.

Everything is drawn from a `numpy.random.Generator`, so a seed gives the same pixels again. Colours
are float32 RGB in 0..255. All fields are soft (band-limited): they are sampled between pixels, and
a hard edge would flicker.
"""

from collections.abc import Callable

import numpy as np

TILE_HEIGHT, TILE_WIDTH = 160, 224
SPRITE_SIZE = 123
SPRITE_TEXELS = 42.0  # texels from the centre to the nominal outline
SPRITE_EXTENT = 1.45  # half the side of the square that holds figure and halo, in nominal radii

# Muted grounds (dark, middle, light) keep the vivid figures visible on every one of them.
GROUND_PALETTES = {
    "dusk": ("#262a45", "#575d86", "#9aa3bf"),
    "forest": ("#1c3529", "#3f6d50", "#93b083"),
    "clay": ("#4f271f", "#925640", "#cf9f7c"),
    "ocean": ("#10303f", "#2b6c87", "#83b8c2"),
    "plum": ("#341d3a", "#6c4573", "#b48fb3"),
    "sand": ("#54462f", "#93805a", "#cdbc94"),
}
FIGURE_PALETTES = (
    ("#ff6b6b", "#7a1f3d"),
    ("#ffd166", "#8f4c0a"),
    ("#1fe0ad", "#0b4f4a"),
    ("#5fd0f5", "#1d3a8a"),
    ("#f4efdd", "#4a4560"),
    ("#fb97bb", "#6c2a5f"),
    ("#cdf27d", "#3c5a14"),
    ("#ffa24d", "#5b2333"),
)


def rgb(code: str) -> np.ndarray:
    """Colour "#rrggbb" as float32 [3], 0..255."""
    return np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)], np.float32)


RIM, HALO, EYE, PUPIL = (rgb(code) for code in ("#fffaeb", "#0c0a14", "#ffffff", "#181424"))


def smooth_step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, the cubic 3u^2 - 2u^3 between; same shape as x."""
    u = np.clip((x - low) / (high - low), 0, 1)
    return u * u * (3 - 2 * u)


def periodic_noise(
    rng: np.random.Generator, smoothness: float, shape: tuple[int, int] = (TILE_HEIGHT, TILE_WIDTH)
) -> np.ndarray:
    """Seamless noise, smoothed by a Gaussian of that many pixels; float32, mean 0, deviation 1."""
    spectrum = np.fft.rfft2(rng.standard_normal(shape, dtype=np.float32))
    squared = np.fft.fftfreq(shape[0])[:, None] ** 2 + np.fft.rfftfreq(shape[1])[None] ** 2
    spectrum *= np.exp(-2 * (np.pi * smoothness) ** 2 * squared)
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, s=shape)
    return (field / field.std()).astype(np.float32)


def _phase(periods: float | np.int64, axis: int) -> np.ndarray:
    """`periods` whole turns along an axis of the tile, broadcastable to it."""
    size = (TILE_HEIGHT, TILE_WIDTH)[axis]
    turn = 2 * np.pi * periods * np.arange(size, dtype=np.float32) / size
    return turn[:, None] if axis == 0 else turn[None]


def _clouds(rng: np.random.Generator) -> np.ndarray:
    return 0.5 + 0.26 * periodic_noise(rng, 9) + 0.12 * periodic_noise(rng, 4)


def _waves(rng: np.random.Generator) -> np.ndarray:
    phase = (
        _phase(rng.integers(-4, 5), 0)
        + _phase(rng.integers(5, 9), 1)
        + 1.5 * periodic_noise(rng, 13)
    )
    return 0.5 + 0.42 * np.tanh(1.6 * np.sin(phase))


def _patches(rng: np.random.Generator) -> np.ndarray:
    return 0.14 + 0.36 * (
        smooth_step(periodic_noise(rng, 8), -0.12, 0.12)
        + smooth_step(periodic_noise(rng, 6), -0.12, 0.12)
    )


def _weave(rng: np.random.Generator) -> np.ndarray:
    def bands(axis: int) -> np.ndarray:
        turn = _phase(1, axis)
        slow = np.sin(rng.integers(4, 7) * turn + rng.uniform(0, 2 * np.pi))
        fast = np.sin(rng.integers(7, 11) * turn + rng.uniform(0, 2 * np.pi))
        return np.tanh(1.8 * (slow + 0.7 * fast))

    return 0.5 + 0.23 * (bands(0) + bands(1))


def _pebbles(rng: np.random.Generator) -> np.ndarray:
    rows, columns = rng.integers(5, 8), rng.integers(7, 11)
    dots = np.sin(_phase(rows, 0) + 0.9 * periodic_noise(rng, 10)) * np.sin(
        _phase(columns, 1) + 0.9 * periodic_noise(rng, 10)
    )
    return 0.2 + 0.62 * smooth_step(np.abs(dots), 0.25, 0.6) + 0.1 * periodic_noise(rng, 12)


def _marble(rng: np.random.Generator) -> np.ndarray:
    field = periodic_noise(rng, 9) + 0.35 * periodic_noise(rng, 4)
    return 0.22 + 0.68 * np.exp(-np.abs(field) * 2.2) + 0.08 * periodic_noise(rng, 14)


GROUND_FAMILIES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "clouds": _clouds,
    "waves": _waves,
    "patches": _patches,
    "weave": _weave,
    "pebbles": _pebbles,
    "marble": _marble,
}


def ground_tile(family: str, palette: str, rng: np.random.Generator) -> np.ndarray:
    """A seamless ground: float32 [TILE_HEIGHT, TILE_WIDTH, 3], 0..255.

    `family` is a key of GROUND_FAMILIES, `palette` of GROUND_PALETTES. Fine grain is laid over
    every family, so that a pan shows in every direction, along stripes too.
    """
    value = GROUND_FAMILIES[family](rng) + 0.085 * periodic_noise(rng, 1.3)
    tones = [np.clip(rgb(code) + rng.normal(0, 7, 3), 0, 255) for code in GROUND_PALETTES[palette]]
    steps = np.linspace(0, 1, 1024)
    ramp = np.stack([np.interp(steps, (0, 0.5, 1), channel) for channel in np.transpose(tones)], -1)
    tile = ramp.astype(np.float32).take((np.clip(value, 0, 1) * 1023).astype(np.int32), 0)
    tile *= 1 + 0.05 * periodic_noise(rng, 18)[..., None]
    return np.minimum(tile, 255, out=tile)


def _pattern(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How much of the second colour is where; [SIZE, SIZE] in 0..1."""
    angle, shift = rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi)
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    wave = rng.uniform(4.5, 7)
    kind = rng.integers(4)
    if kind == 0:
        field = np.sin(wave * along + shift)
    elif kind == 1:
        field = along + 0.25 * np.sin(3 * across + shift)
    elif kind == 2:
        field = np.sin(wave * along + shift) * np.sin(wave * across) - 0.1
    else:
        field = np.sin(wave * np.hypot(x - 0.5 * np.cos(angle), y - 0.5 * np.sin(angle)) + shift)
    return smooth_step(field, -0.18, 0.18)


def figure_sprite(rng: np.random.Generator) -> np.ndarray:
    """A patterned creature of random outline and colours, with light rim, dark halo and two eyes.

    Returns float32 [SPRITE_SIZE, SPRITE_SIZE, 4]: RGB 0..255 multiplied by alpha, and alpha 0..1;
    the border is clear. Its outline is lopsided and its eyes sit on one side, so that every turn of
    it can be seen.
    """
    axis = (np.arange(SPRITE_SIZE, dtype=np.float32) - SPRITE_SIZE // 2) / np.float32(SPRITE_TEXELS)
    x, y = axis[None], axis[:, None]
    turn, distance = np.arctan2(y, x), np.hypot(x, y)
    lobes = rng.integers(3, 7)
    outline = 1 + rng.uniform(0.04, 0.16) * np.cos(lobes * turn + rng.uniform(0, 2 * np.pi))
    outline += rng.uniform(0.05, 0.15) * np.cos(2 * turn + rng.uniform(0, 2 * np.pi))
    depth = distance - outline / outline.max() * 1.15
    palette = FIGURE_PALETTES[rng.integers(len(FIGURE_PALETTES))]
    first, second = ((rgb(code) + rng.normal(0, 9, 3)).astype(np.float32) for code in palette)
    color = first + (second - first) * _pattern(rng, x, y)[..., None]
    color = color * (1.06 - 0.12 * np.clip(distance, 0, 1))[..., None]
    color = color + (RIM - color) * smooth_step(depth, -0.2, -0.12)[..., None]
    look, spread = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 0.55)
    for side in (-spread, spread):
        eye = np.hypot(x - 0.52 * np.cos(look + side), y - 0.52 * np.sin(look + side))
        pupil = np.hypot(x - 0.58 * np.cos(look + side), y - 0.58 * np.sin(look + side))
        color = color + (EYE - color) * smooth_step(-eye, -0.3, -0.2)[..., None]
        color = color + (PUPIL - color) * smooth_step(-pupil, -0.18, -0.09)[..., None]
    body = smooth_step(-depth, -0.05, 0.05)
    halo = 0.5 * smooth_step(-depth, -0.3, 0.0) * (distance < SPRITE_EXTENT)
    alpha = body + (1 - body) * halo
    premultiplied = np.clip(color, 0, 255) * body[..., None] + HALO * ((1 - body) * halo)[..., None]
    sprite = np.concatenate([premultiplied, alpha[..., None]], -1).astype(np.float32)
    sprite[[0, -1]] = 0
    sprite[:, [0, -1]] = 0
    return sprite
