"""Messages are one line, whatever the names and values that they repeat."""

import subprocess
import sys

import pytest

from bsp_tf.base.errors import InputError
from tests.conftest import PROJECT


@pytest.mark.parametrize("sign", "\n\r\t\0\v\f\x1b\x1c\x7f\x85\x9b\u2028\u2029")
def test_a_message_has_no_control_characters(sign):
    message = str(InputError(f"no class 'jump{sign}wave' in a.csv"))
    assert message.isprintable() and message.startswith("no class 'jump\\")


def test_other_scripts_and_odd_file_names_stay():
    message = "keine Klasse Sprünge 跳 \udcff in a.csv"
    assert str(InputError(message)) == message


@pytest.mark.parametrize("sign", ["\n", "\r", "\u2028"])
def test_a_command_answers_in_one_line(tmp_path, sign):
    clips = tmp_path / "clips.csv"
    clips.write_text(f'video_path,label\n"a{sign}b.mp4",wave\n', newline="")
    command = [sys.executable, "-m", "tfrecords_tools.convert", f"--input={clips}"]
    done = subprocess.run(
        [*command, f"--output={tmp_path / 'records'}"], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 2 and not done.stdout
    (line,) = done.stderr.splitlines()
    assert "b.mp4" in line
