"""Lists the commands in the order in which data flows through them.

    python -m bsp_tf

Each line is the first line of the command's docstring; `python -m COMMAND --help` shows the rest.
"""

import ast
from collections.abc import Sequence
from pathlib import Path

from bsp_tf.base.command_line import run_command

# Every command of the project: the module that `python -m` runs. An installed command is named
# after it: bsp_tf.train_head is bsp-train-gtad, tfrecords_tools.convert is tfrecords-convert.
COMMANDS = (
    "bsp_tf.quickstart",
    "tfrecords_tools.make_sample",
    "tfrecords_tools.convert",
    "tfrecords_tools.inspect",
    "bsp_tf.preview",
    "bsp_tf.import_weights",
    "bsp_tf.data_service",
    "bsp_tf.pretrain",
    "bsp_tf.evaluate_clips",
    "bsp_tf.export",
    "bsp_tf.boundaries",
    "bsp_tf.extract",
    "bsp_tf.train_head",
    "bsp_tf.classify_videos",
    "bsp_tf.detect",
    "bsp_tf.predict",
    "bsp_tf.evaluate",
    "bsp_tf.compare",
    "bsp_tf.report",
    "bsp_tf.convert_annotations",
    "bsp_tf.convert_features",
)
# What is not listed, but still runs: the name of before -> the command.
OLDER_NAMES = {"bsp_tf.train_gtad": "bsp_tf.train_head"}


def command_file(command: str) -> Path:
    """The file of a command, found without importing it."""
    module = Path(__file__).resolve().parents[1].joinpath(*command.split("."))
    return module / "__main__.py" if module.is_dir() else module.with_suffix(".py")


def docstring(command: str) -> str:
    """What a command says about itself, found without importing it."""
    tree = ast.parse(command_file(command).read_text(encoding="utf-8"))
    return ast.get_docstring(tree) or ""


def summary(command: str) -> str:
    """The first line of a command's docstring."""
    return docstring(command).partition("\n")[0]


def list_commands() -> str:
    """A line for each command: its name and what it does."""
    width = max(map(len, COMMANDS))
    return "\n".join(f"{command:<{width}}  {summary(command)}" for command in COMMANDS)


def main(argv: Sequence[str]) -> None:
    """Prints the list."""
    del argv
    print("Run a command with `python -m COMMAND`; --help shows its flags.\n")
    print(list_commands())


def define_flags() -> None:
    """There are none."""


if __name__ == "__main__":
    run_command(main, define_flags)
