"""Pictures of the sample world: seamless grounds, clear sprites, a steady pan."""

import itertools

import numpy as np
import pytest

from tfrecords_tools.sample_world.textures import (
    GROUND_FAMILIES,
    GROUND_PALETTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    figure_sprite,
    ground_tile,
)
from tfrecords_tools.sample_world.world import (
    HEIGHT,
    WIDTH,
    Scene,
    draw_figure,
    draw_look,
    scene_kind,
)


@pytest.mark.parametrize("family", GROUND_FAMILIES)
def test_grounds_are_seamless_and_show_contrast(family):
    for number, palette in enumerate(GROUND_PALETTES):
        tile = ground_tile(family, palette, np.random.default_rng(number))
        assert tile.shape == (TILE_HEIGHT, TILE_WIDTH, 3) and tile.dtype == np.float32
        assert 0 <= tile.min() and tile.max() <= 255
        assert tile.std((0, 1)).max() > 12
        for axis in (0, 1):
            lines = np.abs(np.diff(tile, axis=axis)).mean((1 - axis, 2))
            seam = np.abs(tile.take(0, axis) - tile.take(-1, axis)).mean()
            assert seam < 1.3 * lines.max()


def test_sprites_are_premultiplied_with_a_clear_border():
    for seed in range(10):
        sprite = figure_sprite(np.random.default_rng(seed))
        assert (
            sprite.dtype == np.float32 and sprite[..., 3].min() >= 0 and sprite[..., 3].max() <= 1
        )
        assert np.all(sprite[..., :3] <= 255 * sprite[..., 3:] + 1e-3)
        for border in (sprite[0], sprite[-1], sprite[:, 0], sprite[:, -1]):
            assert not border.any()
        assert 0.2 < (sprite[..., 3] > 0.9).mean() < 0.8


def test_scenes_are_dealt_evenly():
    kinds = [scene_kind(index) for index in range(36)]
    assert len(set(kinds)) == 36
    for start in range(0, 36, 6):
        assert {family for family, _ in kinds[start : start + 6]} == set(GROUND_FAMILIES)
        assert {palette for _, palette in kinds[start : start + 6]} == set(GROUND_PALETTES)


def test_a_figure_lies_where_its_pose_says_and_may_leave_the_frame():
    sprite = figure_sprite(np.random.default_rng(0))
    for x, y in ((0, 0), (20, -10), (-13.5, 7.25)):
        canvas = np.full((HEIGHT, WIDTH, 3), -1000, np.float32)
        draw_figure(canvas, sprite, np.array([x, y, 0.3, 0, 0]))
        rows, columns = np.nonzero((canvas > -50).all(-1))
        assert columns.mean() == pytest.approx(WIDTH / 2 + x, abs=1.5)
        assert rows.mean() == pytest.approx(HEIGHT / 2 + y, abs=1.5)
    for x, y in ((WIDTH, 0), (-3 * WIDTH, 5), (0, -HEIGHT / 2), (0, HEIGHT * 4)):
        canvas = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        draw_figure(canvas, sprite, np.array([x, y, 0, 0.4, 0.5]))
        assert np.isfinite(canvas).all()


def test_the_pan_is_slow():
    """Best integer shift between views half a second apart: at most a few pixels."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        scene = Scene(draw_look(scene_kind(seed), rng), rng)
        views = [scene._view(0.5 * i, np.zeros(2)).mean(-1) for i in range(8)]
        for here, there in itertools.pairwise(views):
            errors = {}
            for dy, dx in np.ndindex(29, 29):
                shifted = here[dy : HEIGHT - 28 + dy, dx : WIDTH - 28 + dx]
                errors[dy - 14, dx - 14] = np.abs(there[14:-14, 14:-14] - shifted).mean()
            assert np.hypot(*min(errors, key=errors.get)) < 13


def test_a_hand_held_camera_moves_ground_and_figures_alike():
    moved = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        scene = Scene(draw_look(scene_kind(seed), rng), rng)
        pose, away = np.zeros(5), np.array([500.0, 0, 0, 0, 0])
        views = [scene.draw(0.3 * i, pose, away) for i in range(4)]
        grounds = [scene.draw(0.3 * i, away, away) for i in range(4)]
        centres = []
        for view, ground in zip(views, grounds, strict=True):
            rows, columns = np.nonzero(np.abs(view - ground).max(-1) > 20)
            centres.append((rows.mean(), columns.mean()))
        moved.append(np.ptp(centres, axis=0).max())
    moved = np.array(moved)
    assert 0.5 < (moved > 0.25).mean() < 0.85 and moved.max() < 4
