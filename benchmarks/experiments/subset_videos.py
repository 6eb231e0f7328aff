"""A folder of links to the videos of one subset: designs are compared on validation videos only.

    python -m benchmarks.experiments.subset_videos --annotations=sample/annotations.json \\
        --videos=sample/videos --subset=validation --output=validation_videos
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from bsp_tf.base.atomic_file import atomic_folder
from bsp_tf.base.command_line import run_command
from bsp_tf.base.json_file import read_json

FLAGS = flags.FLAGS


def main(argv: Sequence[str]) -> None:
    """Makes the links."""
    del argv
    database = read_json(FLAGS.annotations)["database"]
    videos = Path(FLAGS.videos).resolve()
    with atomic_folder(FLAGS.output) as folder:
        for path in sorted(videos.iterdir()):
            if database[path.stem]["subset"] == FLAGS.subset:
                (folder / path.name).symlink_to(path)


def define_flags() -> None:
    """Defines the flags of the command."""
    flags.DEFINE_string("annotations", None, "ActivityNet JSON.", required=True)
    flags.DEFINE_string("videos", None, "Folder of the videos.", required=True)
    flags.DEFINE_string("subset", None, "Subset of the annotations.", required=True)
    flags.DEFINE_string("output", None, "Folder to make.", required=True)


if __name__ == "__main__":
    run_command(main, define_flags)
