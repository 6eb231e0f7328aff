"""Builds one HTML page and its figures from the results of all stages.

    python -m bsp_tf.report --root=quickstart_output --output=quickstart_output/report

Open `report/index.html` in any browser; it needs no network and no other file. Every input lies
under --root where quickstart puts it; a flag for one input overrules that. The annotations and both
score files are needed; a section whose input is missing says so. Runs in seconds, and again each
time: nothing is kept from an earlier run.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.report.inputs import STREAMS, TASKS, Sources
from bsp_tf.report.page import build_report

FLAGS = flags.FLAGS

# Field of Sources -> help of the flag of the same name.
SINGLE_INPUTS = {
    "annotations": "Ground truth JSON. Default: ROOT/sample/annotations.json.",
    "videos": "Folder of the untrimmed videos. Default: ROOT/sample/videos.",
    "features": "Output of bsp_tf.extract. Default: ROOT/features.",
    "preview": "Picture of bsp_tf.preview. Default: ROOT/preview.png.",
}
# Field of Sources -> name of its flags, one a task or stream; the tasks or streams; help.
STREAM_INPUTS = {
    "pretrain": ("{}_workdir", TASKS, "Workdir of bsp_tf.pretrain. Default: ROOT/pretrain/{}."),
    "gtad": ("gtad_{}_workdir", STREAMS, "Workdir of bsp_tf.train_gtad. Default: ROOT/gtad/{}."),
    "detections": (
        "{}_detections",
        STREAMS,
        "Output of bsp_tf.detect. Default: ROOT/detections/{}.json.",
    ),
    "scores": ("{}_scores", STREAMS, "Output of bsp_tf.evaluate. Default: ROOT/scores/{}.json."),
}


def sources_from_flags() -> Sources:
    """The paths that the flags name, the rest in the layout of quickstart under --root.

    Raises:
        InputError: a path that a flag names is not there.
    """
    standard = Sources.under(FLAGS.root, FLAGS.subset)

    def chosen(name: str, default: Path) -> Path:
        if FLAGS[name].value is None:
            return default
        path = Path(FLAGS[name].value)
        if not path.exists():
            raise InputError(
                f"--{name}={path} is not there. Check the path, or leave the flag out."
            )
        return path

    return dataclasses.replace(
        standard,
        **{name: chosen(name, getattr(standard, name)) for name in SINGLE_INPUTS},
        **{
            field: {
                key: chosen(pattern.format(key), default)
                for key, default in getattr(standard, field).items()
            }
            for field, (pattern, _, _) in STREAM_INPUTS.items()
        },
    )


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
    for name, text in SINGLE_INPUTS.items():
        flags.DEFINE_string(name, None, text)
    for pattern, keys, text in STREAM_INPUTS.values():
        for key in keys:
            flags.DEFINE_string(pattern.format(key), None, text.format(key))


def main(argv: Sequence[str]) -> None:
    """Builds the report and prints the tables and the path of the page."""
    del argv
    output = Path(FLAGS.output) if FLAGS.output else Path(FLAGS.root) / "report"
    print(build_report(sources_from_flags(), output, FLAGS.timelines))


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
