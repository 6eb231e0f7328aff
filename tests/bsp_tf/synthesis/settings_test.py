"""Config values that no sample can satisfy are refused, with the name of the field."""

import collections
import dataclasses

import pytest
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
from bsp_tf.synthesis.boundary_types import BOUNDARY_TYPES, BY_NAME
from bsp_tf.synthesis.settings import Settings

SETTINGS = Settings(
    num_frames=8,
    position_min=3,
    position_max=5,
    transition="diff_class",
    transition_min=2,
    transition_max=4,
    curve="linear",
    strides=(1, 4),
)


def test_from_config():
    boundary = {
        name: value for name, value in dataclasses.asdict(SETTINGS).items() if name != "num_frames"
    }
    config = ConfigDict({"data": {"num_frames": 8}, "boundary": {**boundary, "strides": [1, 4]}})
    assert Settings.from_config(config) == SETTINGS
    assert SETTINGS.window == 29
    config.boundary.curve = "square"
    with pytest.raises(InputError, match="boundary.curve='square'"):
        Settings.from_config(config)


def test_a_config_of_before_means_the_paper():
    boundary = dataclasses.asdict(SETTINGS)
    del boundary["types"], boundary["twins"]
    config = ConfigDict({"data": {"num_frames": 8}, "boundary": boundary})
    assert Settings.from_config(config) == SETTINGS


def test_a_transition_needs_room_only_where_there_is_one():
    dataclasses.replace(SETTINGS, transition="none", transition_max=20).check()
    speeds = ("diff_speed", "same_speed")
    dataclasses.replace(SETTINGS, types=speeds, transition="both", transition_max=20).check()


@pytest.mark.parametrize("strides, frames", [((2, 3), 22), ((1, -1), 8), ((1, -4, 0), 29)])
def test_the_window_holds_backward_and_held_frames(strides, frames):
    assert dataclasses.replace(SETTINGS, strides=strides).window == frames


@pytest.mark.parametrize(
    "types, strides",
    [
        (SETTINGS.types, (1, 4)),
        (SETTINGS.types, (1, 4, -1, 0)),
        (BOUNDARY_TYPES, (1, 4, -1, -4)),
        (("diff_motion", "same_speed"), (2, -2, 0)),
    ],
)
def test_one_side_of_a_sample_does_not_tell_its_type(types, strides):
    """Each stride is as frequent before, and after, the boundary of every type."""
    settings = dataclasses.replace(SETTINGS, types=types, strides=strides)
    settings.check()
    for name in types:
        pairs = settings.stride_pairs(BY_NAME[name]).reshape(-1, 2)
        for side in (0, 1):
            counts = collections.Counter(pairs[:, side].tolist())
            assert sorted(counts) == sorted(strides) and len(set(counts.values())) == 1


def test_turns_and_pauses_go_to_the_type_made_for_them():
    settings = dataclasses.replace(SETTINGS, types=BOUNDARY_TYPES, strides=(1, 4, -1, 0))
    shown = {
        name: {tuple(pair) for pair in settings.stride_pairs(BY_NAME[name]).reshape(-1, 2).tolist()}
        for name in ("diff_speed", "diff_motion", "same_speed", "diff_class")
    }
    assert shown["diff_speed"] == {(1, 4), (4, 1)}
    half = {(1, -1), (1, 0), (4, -1), (4, 0), (-1, 0)}
    assert shown["diff_motion"] == half | {(b, a) for a, b in half}
    assert shown["same_speed"] == shown["diff_class"] == {(1, 1), (4, 4), (-1, -1), (0, 0)}


@pytest.mark.parametrize(
    "values,message",
    [
        ({"transition": "fade"}, "boundary.transition='fade'"),
        ({"curve": "square"}, "boundary.curve='square'"),
        ({"position_min": 0}, "boundary.position_min=0"),
        ({"position_max": 8}, "position_max=8"),
        ({"position_min": 5, "position_max": 4}, "position_min=5 and position_max=4"),
        ({"transition_min": 0}, "boundary.transition_min=0"),
        ({"transition_max": 7}, "boundary.transition_max"),
        ({"strides": (2,)}, r"boundary.strides=\(2,\)"),
        ({"strides": (2, 2)}, r"boundary.strides=\(2, 2\)"),
        ({"strides": (1, 1.5)}, r"boundary.strides=\(1, 1.5\)"),
        ({"strides": ()}, r"boundary.strides=\(\)"),
        ({"types": BOUNDARY_TYPES}, r"boundary.strides=\(1, 4\).*diff_motion.*sign.*0"),
        ({"types": BOUNDARY_TYPES, "strides": (1, 0)}, r"boundary.strides=\(1, 0\).*diff_speed"),
        ({"patch_share": 1.5}, "boundary.patch_share=1.5"),
        ({"types": ("same_speed",)}, r"boundary.types=\('same_speed',\)"),
        ({"types": ("same_speed", "same_speed")}, "boundary.types.*two or more different"),
        ({"types": ("same_speed", "faster")}, "boundary.types.*faster.*diff_motion"),
        ({"transition": "random", "transition_max": 7}, "boundary.transition_max"),
    ],
)
def test_impossible_settings_name_the_field(values, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **values).check()
