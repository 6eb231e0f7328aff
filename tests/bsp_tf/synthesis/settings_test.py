"""Config values that no sample can satisfy are refused, with the name of the field."""

import dataclasses

import pytest
from ml_collections import ConfigDict

from bsp_tf.base.errors import InputError
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


def test_a_transition_needs_room_only_where_there_is_one():
    dataclasses.replace(SETTINGS, transition="none", transition_max=20).check()


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
        ({"strides": (0, 2)}, r"boundary.strides=\(0, 2\)"),
    ],
)
def test_impossible_settings_name_the_field(values, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **values).check()
