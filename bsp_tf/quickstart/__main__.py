"""Runs all stages on sample data: from nothing to a localization report.

    python -m bsp_tf.quickstart --output=quickstart_output

Runs every stage as its own command, in its own process, and prints each command line so that it can
be repeated by hand. A finished stage is skipped if its command and its config are as before and no
earlier stage was run again; a killed stage continues where it stopped. Wall time and peak memory of
the stages are kept in `stages.json`.

    --action_config / --boundary_config / --localization_config    other training configs, such as
                                configs/sample_actionformer.py for ActionFormer in place of G-TAD
"""

import os
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.output_lock import lock_folder
from bsp_tf.quickstart.running import run_stages
from bsp_tf.quickstart.stages import plan_stages, shipped_config

FLAGS = flags.FLAGS


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string("output", "quickstart_output", "Folder for everything the stages make.")
    flags.DEFINE_string(
        "action_config", shipped_config("sample_action.py"), "Config of the action stream."
    )
    flags.DEFINE_string(
        "boundary_config", shipped_config("sample_boundary.py"), "Config of the boundary stream."
    )
    flags.DEFINE_string(
        "localization_config", shipped_config("sample_gtad.py"), "Config of the localization head."
    )
    flags.DEFINE_alias("gtad_config", "localization_config")
    flags.DEFINE_integer(
        "workers", os.cpu_count() or 1, "Processes for rendering and conversion.", lower_bound=1
    )


def main(argv: Sequence[str]) -> None:
    """Runs the stages that the flags describe."""
    del argv
    root = Path(FLAGS.output)
    stages = plan_stages(
        root, FLAGS.action_config, FLAGS.boundary_config, FLAGS.localization_config, FLAGS.workers
    )
    with lock_folder(root):
        run_stages(root, stages)


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
