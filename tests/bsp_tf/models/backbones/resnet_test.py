"""What ResNet declares to TSM."""

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.models.backbones import backbone_class
from bsp_tf.models.tsm import TSM


def test_every_block_is_shifted():
    backbone = TSM(3, depth=18, width=0.25).backbone
    assert len(backbone.shifts) == 8
    assert backbone.shifts["layer1.0.conv1"] == backbone.shifts["layer2.0.conv1"] == 16
    assert backbone.shifts["layer4.1.conv1"] == 128


def test_every_second_block_of_each_stage_of_resnet_101():
    shifts = TSM(3, depth=101, width=0.125).backbone.shifts
    numbers = {1: range(0, 3, 2), 2: range(0, 4, 2), 3: range(0, 23, 2), 4: range(0, 3, 2)}
    assert list(shifts) == [
        f"layer{stage}.{number}.conv1" for stage, some in numbers.items() for number in some
    ]
    assert shifts["layer1.2.conv1"] == 32


def test_no_such_backbone():
    with pytest.raises(InputError, match="model.backbone is 'vgg'.*resnet, mobilenet_v2"):
        backbone_class("vgg")
