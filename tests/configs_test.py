"""Every config says in one form where it comes from, how to run it, its cost and its result."""

import importlib
import re
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from bsp_tf.__main__ import COMMANDS

PROJECT = Path(__file__).resolve().parents[1]
NAMES = sorted(path.stem for path in (PROJECT / "configs").glob("[!_]*.py"))
PARTS = ("Source", "Command", "Cost", "Result")


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture
def module(name):
    return importlib.import_module(f"configs.{name}")


def test_the_docstring_has_its_parts_in_order(module):
    summary, _, rest = module.__doc__.partition("\n")
    assert summary.endswith(".")
    assert re.findall(r"^([A-Z]\w+):(?: |$)", rest, re.M) == list(PARTS)


def test_the_command_runs_this_config_and_sets_fields_that_it_has(module, name):
    commands = re.findall(r"^    python -m (\S+) (.*?)\n\n", module.__doc__, re.M | re.S)
    command, arguments = next(
        (command, arguments) for command, arguments in commands if "--config=" in arguments
    )
    assert command in COMMANDS
    assert f"--config=configs/{name}.py" in arguments
    # Each line but the last ends as a shell wants it.
    assert all(line.endswith(" \\") for line in arguments.splitlines()[:-1])
    config = module.get_config()
    for field in re.findall(r"--config\.([\w.]+)=", module.__doc__):
        assert read(config, field) is not None


def read(config: ConfigDict, field: str):
    """The value of a field with dots."""
    for part in field.split("."):
        config = config[part]
    return config
