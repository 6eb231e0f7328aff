"""One list of commands: `python -m bsp_tf`, the installed scripts and the modules agree."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bsp_tf.__main__ import COMMANDS, command_file

PROJECT = Path(__file__).resolve().parents[1]


def test_every_command_is_listed_once():
    found = {
        path
        for package in ("bsp_tf", "tfrecords_tools")
        for path in (PROJECT / package).rglob("*.py")
        if 'if __name__ == "__main__"' in path.read_text()
    }
    assert sorted(map(command_file, COMMANDS)) == sorted(found - {PROJECT / "bsp_tf/__main__.py"})


def test_every_command_is_installed_as_a_script():
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    prefixes = {"bsp_tf": "bsp", "tfrecords_tools": "tfrecords"}
    assert list(scripts) == [
        f"{prefixes[package]}-{name.replace('_', '-')}"
        for package, name in (command.split(".") for command in COMMANDS)
    ]
    for command, entry in zip(COMMANDS, scripts.values(), strict=True):
        assert entry.removesuffix(":run").removesuffix(".__main__") == command
        assert "\ndef run() -> None:\n" in command_file(command).read_text()


@pytest.fixture(scope="module")
def listing() -> list[str]:
    """What `python -m bsp_tf` prints, printed where TensorFlow cannot be imported."""
    program = (
        "import runpy, sys; sys.modules['tensorflow'] = None; "
        "runpy.run_module('bsp_tf', run_name='__main__')"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return run.stdout.splitlines()


def test_the_list_shows_each_command_with_one_whole_sentence(listing):
    lines = [line.split(maxsplit=1) for line in listing if line.startswith(("bsp_", "tfrecords_"))]
    assert [name for name, _ in lines] == list(COMMANDS)
    assert [sentence for _, sentence in lines if not sentence.endswith(".")] == []
    assert [line for line in listing if len(line) > 110] == []
