"""--config and its overrides: what is wrong with them is told before a run begins."""

import re

import pytest

from bsp_tf.base.config_flag import check_config_flags
from bsp_tf.base.errors import InputError

GOOD = (
    "from ml_collections import ConfigDict\n\ndef get_config():\n    return ConfigDict("
    "{'task': 'action', 'train': {'batch_size': 8}})\n"
)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "good.py"
    path.write_text(GOOD)
    return path


def test_a_good_one_passes(config):
    check_config_flags([f"--config={config}", "--config.train.batch_size=4"], ["task", "train"])
    check_config_flags(["--help"])


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (
            ["--config.train.batchsize=4"],
            "'train.batchsize'.*--config.train.batch_size",
        ),
        (["--config.zzzz=4"], "'zzzz'.*task, train, train.batch_size"),
    ],
)
def test_mistyped_fields(config, arguments, fault):
    with pytest.raises(InputError, match=fault):
        check_config_flags([f"--config={config}", *arguments])


def test_no_config_and_no_file(tmp_path):
    with pytest.raises(InputError, match="--config"):
        check_config_flags(["--workdir=w"])
    for path in (tmp_path, tmp_path / "none.py"):
        with pytest.raises(InputError, match=re.escape(f"--config={path}")):
            check_config_flags([f"--config={path}"])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"flip": true}', "NameError"),
        ("def get_config(:\n", "SyntaxError"),
        ("import nowhere_at_all\n", "ModuleNotFoundError"),
        ("def get_config():\n    return {}['a']\n", "KeyError"),
        ("def get_config():\n    raise ValueError('7 is odd')\n", "7 is odd"),
        ("def get_config():\n    return 3\n", r"\bint\b"),
        ("BATCH = 32 // 0\n", "ZeroDivisionError"),
        ("def get_config():\n    assert False\n", "AssertionError"),
        ("raise RuntimeError('no data')\n", "no data"),
    ],
)
def test_files_that_are_no_config(tmp_path, text, fault):
    path = tmp_path / "bad.py"
    path.write_text(text)
    with pytest.raises(InputError, match=fault) as caught:
        check_config_flags([f"--config={path}"])
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_the_config_of_another_command(config):
    with pytest.raises(InputError, match=f"--config={config}.*'features_dir'"):
        check_config_flags([f"--config={config}"], ["features_dir"])
