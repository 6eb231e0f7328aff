"""SavedModels whose parts do not belong together, or are damaged: one line that names the model."""

import shutil

import pytest
import tensorflow as tf

from bsp_tf.base.errors import InputError
from bsp_tf.models.snippet_model import load_snippet_model
from tests.fixtures.mean_model import save_mean_model


@pytest.fixture
def model(tmp_path):
    return save_mean_model(tmp_path / "model")


@pytest.mark.parametrize(
    "variables", [{"other": tf.Variable(1.0)}, {"weight": tf.Variable([1.0, 2.0])}]
)
def test_variables_of_another_model(model, variables, tmp_path):
    tf.saved_model.save(tf.train.Checkpoint(**variables), str(tmp_path / "other"))
    shutil.rmtree(model / "variables")
    shutil.copytree(tmp_path / "other" / "variables", model / "variables")
    with pytest.raises(InputError, match=str(model)) as raised:
        load_snippet_model(model)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 500


def test_each_part_that_is_empty_or_gone(model, tmp_path):
    parts = [path.relative_to(model) for path in model.rglob("*") if path.is_file()]
    # TensorFlow does without the fingerprint.
    parts = [part for part in parts if part.name != "fingerprint.pb"]
    assert len(parts) == 6
    for part in parts:
        copy = tmp_path / "copy"
        shutil.copytree(model, copy)
        (copy / part).write_bytes(b"")
        with pytest.raises(InputError, match=str(copy)):
            load_snippet_model(copy)
        (copy / part).unlink()
        with pytest.raises(InputError, match=str(copy)):
            load_snippet_model(copy)
        shutil.rmtree(copy)
