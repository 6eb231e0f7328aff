"""One self-contained HTML page, and PNG figures, from the results of all stages.

    python -m bsp_tf.report --root=quickstart_output --output=quickstart_output/report

Open `report/index.html` in any browser; it needs no network and no other file. Every input lies under --root where
quickstart puts it; a flag for one input overrules that. The annotations and both score files are needed; a section
whose input is missing says so. Runs in seconds, and again each time: nothing is kept from an earlier run.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.report.inputs import STREAMS, TASKS, Sources
from bsp_tf.report.page import build_report

_ROOT = flags.DEFINE_string("root", "quickstart_output", "Folder with the results, in the layout of quickstart.")
_OUTPUT = flags.DEFINE_string("output", None, "Folder for the report; the default is report/ under --root.")
_SUBSET = flags.DEFINE_string("subset", "validation", "Subset of the annotations that was scored.")
_TIMELINES = flags.DEFINE_integer("timelines", 4, "How many videos get a timeline.", lower_bound=0)
_ANNOTATIONS = flags.DEFINE_string("annotations", None, "Ground truth JSON. Default: ROOT/sample/annotations.json.")
_VIDEOS = flags.DEFINE_string("videos", None, "Folder of the untrimmed videos. Default: ROOT/sample/videos.")
_FEATURES = flags.DEFINE_string("features", None, "Output of bsp_tf.extract. Default: ROOT/features.")
_PREVIEW = flags.DEFINE_string("preview", None, "Picture of bsp_tf.preview. Default: ROOT/preview.png.")
_PRETRAIN = {task: flags.DEFINE_string(f"{task}_workdir", None,
                                       f"Workdir of bsp_tf.pretrain. Default: ROOT/pretrain/{task}.")
             for task in TASKS}
_GTAD = {stream: flags.DEFINE_string(f"gtad_{stream}_workdir", None,
                                     f"Workdir of bsp_tf.train_gtad. Default: ROOT/gtad/{stream}.")
         for stream in STREAMS}
_DETECTIONS = {stream: flags.DEFINE_string(f"{stream}_detections", None,
                                           f"Output of bsp_tf.detect. Default: ROOT/detections/{stream}.json.")
               for stream in STREAMS}
_SCORES = {stream: flags.DEFINE_string(f"{stream}_scores", None,
                                       f"Output of bsp_tf.evaluate. Default: ROOT/scores/{stream}.json.")
           for stream in STREAMS}


def sources_from_flags() -> Sources:
    """The paths that the flags name, the rest in the layout of quickstart under --root.

    Raises:
        InputError: a path that a flag names is not there.
    """
    standard = Sources.under(_ROOT.value, _SUBSET.value)

    def chosen(flag: flags.FlagHolder, default: Path) -> Path:
        if flag.value is None:
            return default
        path = Path(flag.value)
        if not path.exists():
            raise InputError(f"--{flag.name}={path} is not there. Check the path, or leave the flag out.")
        return path

    return dataclasses.replace(
        standard, annotations=chosen(_ANNOTATIONS, standard.annotations), videos=chosen(_VIDEOS, standard.videos),
        features=chosen(_FEATURES, standard.features), preview=chosen(_PREVIEW, standard.preview),
        pretrain={task: chosen(flag, standard.pretrain[task]) for task, flag in _PRETRAIN.items()},
        gtad={stream: chosen(flag, standard.gtad[stream]) for stream, flag in _GTAD.items()},
        detections={stream: chosen(flag, standard.detections[stream]) for stream, flag in _DETECTIONS.items()},
        scores={stream: chosen(flag, standard.scores[stream]) for stream, flag in _SCORES.items()})


def main(argv: Sequence[str]) -> None:
    """Builds the report and prints the tables and the path of the page."""
    del argv
    output = Path(_OUTPUT.value) if _OUTPUT.value else Path(_ROOT.value) / "report"
    print(build_report(sources_from_flags(), output, _TIMELINES.value))


if __name__ == "__main__":
    run_command(main)
