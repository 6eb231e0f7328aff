"""Builds one HTML page and its figures from the results of all stages.

    python -m bsp_tf.report --root=quickstart_output --subset=testing

Open `report/index.html` in any browser; it needs no network and no other file. Every input is
looked for under --root, where quickstart puts it; a flag for a single input replaces that path. The
annotations and both score files are needed; a section whose input is missing says so. The report is
built from the start each time and takes seconds.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.report.sources import Sources

FLAGS = flags.FLAGS


def sources_from_flags() -> Sources:
    """The paths that the flags name, the rest in the layout of quickstart under --root.

    Raises:
        InputError: a path that a flag names is not there.
    """
    named = {
        item.flag: Path(FLAGS[item.flag].value)
        for item in Sources.inputs()
        if FLAGS[item.flag].value is not None
    }
    for flag, path in named.items():
        if not path.exists():
            raise InputError(
                f"--{flag}={path} is not there. Check the path, or leave the flag out."
            )
    return Sources.under(FLAGS.root, FLAGS.subset, named)


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string(
        "root", "quickstart_output", "Folder with the results, in the layout of quickstart."
    )
    flags.DEFINE_string(
        "output", None, "Folder for the report; the default is report/ under --root."
    )
    flags.DEFINE_string("subset", "validation", "Subset of the annotations that was scored.")
    flags.DEFINE_integer("timelines", 4, "How many videos get a timeline.", lower_bound=0)
    for item in Sources.inputs():
        flags.DEFINE_string(item.flag, None, f"{item.help} Default: ROOT/{item.place}.")


def main(argv: Sequence[str]) -> None:
    """Builds the report and prints the tables and the path of the page."""
    del argv
    # Imported here: Matplotlib and SciPy take seconds to load, a mistyped flag is told at once.
    from bsp_tf.report.page import build_report

    output = Path(FLAGS.output) if FLAGS.output else Path(FLAGS.root) / "report"
    print(build_report(sources_from_flags(), output, FLAGS.timelines))


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
