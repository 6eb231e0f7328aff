"""One list of commands: `python -m bsp_tf`, the installed scripts and the modules agree.

A command also runs by the path of its file, as the launchers of Bazel start it. Its help fits a
screen, and a mistyped flag is told before any library is loaded that takes seconds.
"""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from bsp_tf.__main__ import COMMANDS, OLDER_NAMES, command_file, docstring, summary

PROJECT = Path(__file__).resolve().parents[1]
COMMAND_FILES = [PROJECT / "bsp_tf/__main__.py", *map(command_file, (*COMMANDS, *OLDER_NAMES))]
SCREEN_LINES, SCREEN_COLUMNS = 40, 100
# Each takes from a third of a second to several seconds to import.
HEAVY = ("tensorflow", "keras", "tensorboard", "scipy", "matplotlib", "torch", "apache_beam")
# Runs a command as `python -m` does and says then, on the last line, which libraries it loaded.
LOADED_PROGRAM = f"""
import runpy, sys
command = sys.argv.pop(1)
try:
    runpy.run_module(command, run_name="__main__", alter_sys=True)
finally:
    print("loaded:", *(name for name in {HEAVY} if name in sys.modules))
"""


def source_of(command: str) -> str:
    return command_file(command).read_text(encoding="utf-8")


def programs(*folders: str) -> list[Path]:
    """The files that are run, not only imported."""
    return [
        path
        for folder in folders
        for path in (PROJECT / folder).rglob("*.py")
        if '\nif __name__ == "__main__"' in path.read_text()
    ]


def test_every_command_is_listed_once():
    assert sorted(COMMAND_FILES) == sorted(programs("bsp_tf", "tfrecords_tools"))


def test_every_command_is_installed_as_a_script():
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    prefixes = {"bsp_tf": "bsp", "tfrecords_tools": "tfrecords"}
    assert list(scripts) == [
        f"{prefixes[package]}-{name.replace('_', '-')}"
        for package, name in (command.split(".") for command in (*COMMANDS, *OLDER_NAMES))
    ]
    commands = (*COMMANDS, *OLDER_NAMES.values())
    for command, entry in zip(commands, scripts.values(), strict=True):
        assert entry.removesuffix(":run").removesuffix(".__main__") == command
        assert "\ndef run() -> None:\n" in source_of(command)


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
    assert [line for line in listing if len(line) > SCREEN_COLUMNS] == []


@pytest.mark.parametrize(
    "path", COMMAND_FILES, ids=lambda path: path.relative_to(PROJECT).as_posix()
)
def test_a_command_runs_by_the_path_of_its_file(path):
    """Python then puts the folder of the file first among the import paths."""
    run = subprocess.run(
        [sys.executable, str(path), "--help"],
        env=os.environ | {"PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in run.stderr and "--help" in run.stdout, run.stderr


def run_command(command: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", LOADED_PROGRAM, command, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["bsp_tf", *COMMANDS])
def test_help_fits_a_screen_and_names_every_flag(command):
    shown = run_command(command, "--help")
    *lines, loaded = shown.stdout.splitlines()
    assert (shown.returncode, shown.stderr, loaded) == (0, "", "loaded:")
    assert len(lines) <= SCREEN_LINES
    assert [line for line in lines if len(line) > SCREEN_COLUMNS] == []
    if command in COMMANDS:
        assert summary(command) == lines[0]
        whole = run_command(command, "--helpfull")
        assert whole.returncode == 0 and docstring(command) in whole.stdout
        for flag in re.findall(r'flags\.DEFINE_\w+\(\s*"(\w+)"', source_of(command)):
            assert re.search(rf"--(\[no\])?{flag}\b", "\n".join(lines)), flag
            assert re.search(rf"--(\[no\])?{flag}\b", whole.stdout), flag


@pytest.mark.parametrize("older", OLDER_NAMES)
def test_an_older_name_runs_the_same_command(older):
    now, before = (run_command(name, "--help").stdout for name in (OLDER_NAMES[older], older))
    assert now == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistyped_flag_is_told_before_anything_heavy_is_loaded(command):
    config = "sample_gtad" if command == "bsp_tf.train_head" else "base"
    given = [f"--config=configs/{config}.py"] * ("define_config_flag" in source_of(command))
    told = run_command(command, *given, "--no_such_flag=1")
    assert (told.returncode, told.stdout) == (2, "loaded:\n")
    assert told.stderr.count("\n") == 1 and "no_such_flag" in told.stderr


@pytest.mark.parametrize(
    "folder",
    sorted(
        {
            path.parent.relative_to(PROJECT).as_posix()
            for path in programs("bsp_tf", "tfrecords_tools", "tests", "examples", "benchmarks")
        }
    ),
)
def test_nothing_beside_a_program_has_the_name_of_a_foreign_module(folder):
    """A folder without __init__.py is no danger: Python takes a module of that name first."""
    here = PROJECT / folder
    names = {path.stem for path in here.glob("*.py")}
    names |= {path.parent.name for path in here.glob("*/__init__.py")}
    assert names & (sys.stdlib_module_names | packages_distributions().keys()) == set()
