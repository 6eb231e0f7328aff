import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.pretraining.preflight import plan_run


def test_lengths_and_labels(tiny_config):
    plan = plan_run(tiny_config)
    assert plan.labels == ("walk left", "walk right", "blink")
    assert (plan.steps_per_epoch, plan.total_steps) == (3, 6)
    tiny_config.train.steps_per_epoch = 0
    assert plan_run(tiny_config).steps_per_epoch == 24 // 8
    tiny_config.task = "boundary"
    assert plan_run(tiny_config).labels == ("diff_class", "same_class", "diff_speed", "same_speed")
    tiny_config.boundary.types = ("diff_speed", "same_speed")
    assert plan_run(tiny_config).labels == ("diff_speed", "same_speed")
    assert plan_run(tiny_config).actions == ()
    tiny_config.boundary.class_weight = 1.0
    assert plan_run(tiny_config).actions == ("walk left", "walk right", "blink")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task": "actions"}, "task is 'actions'"),
        ({"data.train_dir": ""}, "data.train_dir"),
        ({"data.validation_dir": "/no/such/folder"}, "/no/such/folder"),
        ({"data.crop_size": 40}, "data.short_side=32 .*data.crop_size=40"),
        ({"task": "boundary", "train.batch_size": 6}, "train.batch_size=6 .* 4"),
        (
            {"task": "boundary", "boundary.types": ("diff_class", "diff_speed", "same_speed")},
            "train.batch_size=8 .* 3: .*boundary.types",
        ),
        ({"task": "boundary", "boundary.strides": (1,)}, "boundary.strides"),
        ({"train.batch_size": 100, "train.steps_per_epoch": 0}, "24 clips.*train.batch_size=100"),
        ({"train.epochs": 0}, "train.epochs=0"),
        ({"train.batch_size": 0}, "train.batch_size=0"),
        ({"train.batch_size": -4}, "train.batch_size=-4"),
        ({"train.steps_per_epoch": -1}, "train.steps_per_epoch=-1"),
        ({"seed": -1}, "seed=-1"),
        ({"data.num_frames": 0}, "data.num_frames=0"),
        ({"data.crop_size": 0}, "data.crop_size=0"),
        ({"model.width": float("nan")}, "model.width=nan"),
        ({"train.steps_per_epoch": None}, "train.steps_per_epoch=None"),
        ({"optimizer.learning_rate": None}, "learning_rate=None"),
        ({"optimizer.learning_rate": -1.0}, "optimizer.learning_rate=-1.0"),
        ({"optimizer.learning_rate": float("nan")}, "learning_rate=nan"),
        ({"optimizer.momentum": 2.0}, "optimizer.momentum=2.0"),
        ({"optimizer.warmup_steps": -1}, "warmup_steps=-1"),
    ],
)
def test_mistakes_are_named(tiny_config, fields, message):
    tiny_config.update_from_flattened_dict(fields)
    with pytest.raises(InputError, match=message):
        plan_run(tiny_config)


def test_other_labels_in_validation(tiny_config, make_records, tmp_path):
    folder = make_records(tmp_path / "other", 1, classes=("walk left", "walk right", "jump"))
    tiny_config.data.validation_dir = str(folder)
    with pytest.raises(InputError, match=r"\['blink'\].*\['jump'\]"):
        plan_run(tiny_config)
    # The boundary types do not depend on the classes' names.
    tiny_config.task = "boundary"
    assert plan_run(tiny_config).total_steps == 6
    # A second head names the classes.
    tiny_config.boundary.class_weight = 1.0
    with pytest.raises(InputError, match=r"\['blink'\].*\['jump'\]"):
        plan_run(tiny_config)
