import shutil

import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bsp_tf.base.errors import InputError
from bsp_tf.runs.checkpoints import (
    CheckpointError,
    RunCheckpoints,
    newest_checkpoint,
    restore_checkpoint,
)
from bsp_tf.runs.cluster import Cluster


class Run:
    """Two variables, their checkpoints, and a new process' view of them."""

    def __init__(self, folder):
        self.step, self.weight = tf.Variable(0), tf.Variable(tf.zeros([1000]))
        self.checkpoints = RunCheckpoints(
            folder,
            {"step": self.step, "weight": self.weight},
            Cluster(tf.distribute.get_strategy()),
            "config.json",
        )

    def save(self, step):
        self.step.assign(step)
        self.weight.assign(tf.fill([1000], float(step)))
        self.checkpoints.save(step)
        # Written while training goes on: what is changed now is not in it.
        self.weight.assign(-tf.ones([1000]))

    def restored(self):
        path = self.checkpoints.restore()
        assert self.weight.numpy().tolist() == [float(self.step)] * 1000
        return path, int(self.step)


def saved(folder, *steps):
    run = Run(folder)
    for step in steps:
        run.save(step)
    run.checkpoints.join()
    return run


def test_nothing_is_there(tmp_path):
    assert Run(tmp_path).restored() == (None, 0)


def test_the_newest_of_two_kept_is_restored(tmp_path):
    run = saved(tmp_path, 4, 8, 12)
    assert run.checkpoints.newest == str(tmp_path / "step-12")
    assert Run(tmp_path).restored() == (str(tmp_path / "step-12"), 12)
    assert sorted(path.name for path in tmp_path.glob("*.index")) == [
        "step-12.index",
        "step-8.index",
    ]


def cut(path):
    path.write_bytes(path.read_bytes()[:100])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def delete(path):
    path.unlink()


@pytest.mark.parametrize("spoil", [cut, flip_a_bit, delete])
@pytest.mark.parametrize("part", ["data-00000-of-00001", "index"])
def test_a_corrupt_newest_falls_back_with_a_warning(tmp_path, capsys, part, spoil):
    saved(tmp_path, 4, 8)
    spoil(tmp_path / f"step-8.{part}")
    run = Run(tmp_path)
    assert run.restored() == (str(tmp_path / "step-4"), 4)
    (warning,) = capsys.readouterr().err.splitlines()
    assert "step-8 is passed over" in warning
    # The run writes the same step again, and it is whole.
    run.save(8)
    run.checkpoints.join()
    assert Run(tmp_path).restored() == (str(tmp_path / "step-8"), 8)


def test_a_half_written_one_is_never_picked_up(tmp_path, capsys):
    saved(tmp_path, 4)
    # What a kill leaves: parts under final or temporary names that `checkpoint` does not list.
    shutil.copy(tmp_path / "step-4.data-00000-of-00001", tmp_path / "step-8.data-00000-of-00001")
    (tmp_path / "step-8.index").write_bytes(b"half")
    (tmp_path / "step-12_temp").mkdir()
    assert Run(tmp_path).restored() == (str(tmp_path / "step-4"), 4)
    assert capsys.readouterr().err == ""


def test_all_damaged_is_an_error_that_names_the_newest(tmp_path):
    saved(tmp_path, 4, 8)
    for path in tmp_path.glob("*.data*"):
        cut(path)
    with pytest.raises(InputError, match="step-8.*config.json"):
        Run(tmp_path).checkpoints.restore()


def test_another_model_is_refused(tmp_path):
    saved(tmp_path, 4)
    with pytest.raises(CheckpointError, match="step-4"):
        restore_checkpoint(
            tf.train.Checkpoint(other=tf.Variable(0)), str(tmp_path / "step-4"), "config.json"
        )


@settings(max_examples=settings().max_examples // 4)
@given(
    st.text(
        st.characters(codec="utf-8", exclude_characters="/\0") | st.sampled_from(" -'\"%:\n"),
        min_size=1,
        max_size=6,
    ).filter(lambda name: name not in (".", ".."))
)
@example("step-7")
@example("run[1]")
@example("run*")
@example("a\\b")
def test_a_folder_of_any_name_gives_its_checkpoints_back_or_is_refused(tmp_path, name):
    folder = tmp_path / name
    if set(name) & set("*?[\\"):
        with pytest.raises(InputError, match="pattern"):
            newest_checkpoint(folder)
        return
    saved(folder, 3)
    assert newest_checkpoint(folder) == str(folder / "step-3")
    assert Run(folder).restored() == (str(folder / "step-3"), 3)
