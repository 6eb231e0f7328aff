"""The figures of a dry run against those of the papers, and against what is counted by hand."""

import importlib
import math
import re

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.pretraining.dry_run import dry_run
from bsp_tf.pretraining.model_cost import activation_bytes, multiply_adds
from bsp_tf.pretraining.preflight import check_fields
from bsp_tf.pretraining.trained_model import build_model
from bsp_tf.runs.strategy import strategy_for

# Parameters in millions and multiply-adds in G a clip. ResNet-50 with 8 frames: 24.3 M and 33 G in
# Lin et al., table 1; 8 x 1.82 G for ResNet-18 (He et al., table 1: 1.8 G).
RECIPES = {
    "k400_action_r18": (11.38, 14.51),
    "k400_action_r50": (24.33, 32.70),
    "k400_action_mobilenet_v2": (2.74, 2.40),
    "k400_boundary_r18": (11.18, 14.51),
    "k400_boundary_r50": (23.52, 32.70),
    "k400_boundary_mild_r18": (11.18, 14.51),
    "k400_boundary_mild_r50": (23.52, 32.70),
    "finetune": (24.33, 32.70),
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_cost_what_their_docstrings_say(name):
    module = importlib.import_module(f"configs.{name}")
    config = module.get_config()
    check_fields(config)
    model = build_model(config, 4 if config.task == "boundary" else 400)
    millions, giga = RECIPES[name]
    assert sum(
        math.prod(variable.shape) for variable in model.trainable_variables
    ) / 1e6 == pytest.approx(millions, abs=0.005)
    assert multiply_adds(model, (8, 224, 224, 3)) / 1e9 == pytest.approx(giga, abs=0.005)
    said = {
        unit: float(number)
        for number, unit in re.findall(
            r"([\d.]+) (M parameters|G multiply-adds per clip)", module.__doc__
        )
    }
    assert said.get("M parameters", millions) == pytest.approx(millions, abs=0.05)
    assert said["G multiply-adds per clip"] == pytest.approx(giga, abs=0.05)


def test_activations_grow_with_the_pixels(tiny_config):
    model = build_model(tiny_config, 3)
    small, large = (activation_bytes(model, (4, size, size, 3)) for size in (64, 128))
    # At least the input of the second convolution: 4 frames of 32 x 32 x 8 channels, float32.
    assert small > 4 * 32 * 32 * 8 * 4
    assert large == pytest.approx(4 * small, rel=0.05)
    half = build_model(tiny_config, 3, "mixed_bfloat16")
    assert activation_bytes(half, (4, 64, 64, 3)) < 0.8 * small


@pytest.mark.thorough
def test_steps_of_mobilenet_v2(tiny_config):
    tiny_config.model.update({"backbone": "mobilenet_v2", "width": 0.25})
    found = dry_run(tiny_config, strategy_for("one_device"))
    assert found["clips"] == 8 and 0 < found["loss"] < 10
    # 4 frames of 32 px: of the first layer alone 16^2 x 27 x 32 multiply-adds each.
    assert found["multiply_adds"] > 4 * 16**2 * 27 * 32


@pytest.mark.parametrize("is_there", [True, False])
def test_steps_with_a_head_that_names_actions(eagerly, tiny_config, is_there):
    def parameters(class_weight):
        tiny_config.boundary.class_weight = class_weight
        return dry_run(tiny_config, strategy_for("one_device"))["parameters"]

    tiny_config.task = "boundary"
    if not is_there:  # then as many as Kinetics has
        tiny_config.data.train_dir = ""
    assert parameters(1.0) - parameters(0.0) == (64 + 1) * (3 if is_there else 400)


def test_three_steps_with_all_options(tiny_config, capsys):
    tiny_config.train.update({"accumulate_steps": 2, "ema_decay": 0.9, "precision": "float16"})
    found = dry_run(tiny_config, strategy_for("one_device"))
    assert found["clips"] == 4 and 0 < found["loss"] < 10 and found["step_seconds"] > 0
    text = capsys.readouterr().out
    for part in (
        "moving average",
        "sums of micro-batches",
        "8 clips = 1 replica(s) x 2 micro-batch(es) x 4 clips",
        "3 an epoch x 2 epochs = 6",
        "step 3: ",
    ):
        assert part in text, part


def test_mistakes_are_named(tiny_config):
    tiny_config.train.ema_decay = 1.5
    with pytest.raises(InputError, match="train.ema_decay=1.5"):
        dry_run(tiny_config, strategy_for("one_device"))
