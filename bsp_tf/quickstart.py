"""Runs all stages on sample data: from nothing to a localization report.

    python -m bsp_tf.quickstart --output=quickstart_output

Runs every stage as its own command, in its own process, and prints each command line so that it can
be repeated by hand. A finished stage is skipped if its command and its config are as before and no
earlier stage was run again; a killed stage goes on where it stopped. Wall time and peak memory of
the stages are kept in `stages.json`.

    --action_config / --boundary_config / --gtad_config   other training configs (configs/*.py)
"""

import ctypes
import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from bsp_tf.base.command_line import run_command
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json, write_json

FLAGS = flags.FLAGS

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclasses.dataclass(frozen=True)
class Stage:
    """One command of the pipeline.

    Attributes:
        name: Unique name, also the heading that is printed.
        module: Python module that is run with `python -m`.
        arguments: Its flags.
        output: A file or folder that exists once the stage has ended well.
        config: Config file that the command reads, or None.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    output: Path
    config: str | None = None

    def fingerprint(self) -> str:
        """SHA-256 of the command line and of the config's text: equal means that the result can be
        reused.
        """
        digest = hashlib.sha256("\0".join((self.module, *self.arguments)).encode())
        if self.config:
            digest.update(Path(self.config).read_bytes())
        return digest.hexdigest()


def plan_stages(
    root: Path, action_config: str, boundary_config: str, gtad_config: str, workers: int
) -> list[Stage]:
    """The stages in the order of the data flow; all paths lie under `root`."""
    sample, records, pretrain = root / "sample", root / "records", root / "pretrain"
    model, features = root / "two_stream", root / "features"
    annotations = sample / "annotations.json"
    record_flags = [
        f"--config.data.train_dir={records / 'train'}",
        f"--config.data.validation_dir={records / 'val'}",
    ]
    stages = [
        Stage(
            "sample data",
            "tfrecords_tools.make_sample",
            (f"--output={sample}", f"--workers={workers}"),
            annotations,
        )
    ]
    for split in ("train", "val"):
        stages.append(
            Stage(
                f"convert {split}",
                "tfrecords_tools.convert",
                (
                    f"--input={sample / 'clips' / split}",
                    f"--output={records / split}",
                    f"--workers={workers}",
                    "--num_shards=8",
                ),
                records / split / "manifest.json",
            )
        )
    stages.append(
        Stage(
            "preview",
            "bsp_tf.preview",
            (f"--config={boundary_config}", *record_flags, f"--output={root / 'preview.png'}"),
            root / "preview.png",
            boundary_config,
        )
    )
    for task, config in (("action", action_config), ("boundary", boundary_config)):
        stages.append(
            Stage(
                f"pre-train {task}",
                "bsp_tf.pretrain",
                (f"--config={config}", f"--workdir={pretrain / task}", *record_flags),
                pretrain / task / "evaluation.json",
                config,
            )
        )
    stages.append(
        Stage(
            "export",
            "bsp_tf.export",
            (
                f"--action_workdir={pretrain / 'action'}",
                f"--boundary_workdir={pretrain / 'boundary'}",
                f"--output={model}",
            ),
            model / "saved_model.pb",
        )
    )
    stages.append(
        Stage(
            "extract",
            "bsp_tf.extract",
            (
                f"--model={model}",
                f"--videos={sample / 'videos'}",
                f"--output={features}",
                "--frame_step=2",
            ),
            features / "metadata.json",
        )
    )
    for name, streams in (("action", "action"), ("two_stream", "action,boundary")):
        workdir = root / "gtad" / name
        detections = root / "detections" / f"{name}.json"
        scores = root / "scores" / f"{name}.json"
        stages.append(
            Stage(
                f"train G-TAD {name}",
                "bsp_tf.train_gtad",
                (
                    f"--config={gtad_config}",
                    f"--workdir={workdir}",
                    f"--config.features_dir={features}",
                    f"--config.annotations={annotations}",
                    f"--config.streams={streams}",
                ),
                workdir / "summary.json",
                gtad_config,
            )
        )
        stages.append(
            Stage(
                f"detect {name}",
                "bsp_tf.detect",
                (
                    f"--workdir={workdir}",
                    f"--features={features}",
                    f"--annotations={annotations}",
                    "--subset=validation",
                    f"--output={detections}",
                ),
                detections,
            )
        )
        stages.append(
            Stage(
                f"score {name}",
                "bsp_tf.evaluate",
                (
                    f"--ground_truth={annotations}",
                    f"--predictions={detections}",
                    "--subset=validation",
                    "--tiou=0.5:0.05:0.95",
                    f"--output={scores}",
                ),
                scores,
            )
        )
    stages.append(
        Stage(
            "report",
            "bsp_tf.report",
            (f"--root={root}", f"--output={root / 'report'}"),
            root / "report" / "index.html",
        )
    )
    return stages


def run_stage(stage: Stage) -> dict[str, float]:
    """Runs one stage as a process of its own.

    Returns:
        {"seconds": wall time, "peak_megabytes": largest resident size of the process or a worker of
        it}.

    Raises:
        InputError: the stage ended with a non-zero status; it has printed its own reason.
    """
    command = [sys.executable, "-m", stage.module, *stage.arguments]
    print(f"$ python {' '.join(command[1:])}", flush=True)
    start = time.monotonic()
    process = subprocess.Popen(command, preexec_fn=_end_with_parent)
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except KeyboardInterrupt:
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise InputError(
            f"stage {stage.name!r} ended with status {process.returncode} (its message is above). "
            "Running the same command again goes on from there."
        )
    return {
        "seconds": round(time.monotonic() - start, 1),
        "peak_megabytes": round(usage.ru_maxrss / 1024, 1),
    }


def _end_with_parent() -> None:
    """Asks Linux to kill the stage if this process is killed: two runs of one stage must not meet
    in a folder.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def quickstart(root: Path, stages: Sequence[Stage]) -> None:
    """Runs the stages that are not finished yet and prints what each took.

    Args:
        root: Output folder; `stages.json` in it remembers the finished stages.
        stages: From `plan_stages`, in order. When one is run again, all later ones are too.
    """
    for stage in stages:
        if stage.config and not Path(stage.config).is_file():
            raise InputError(
                f"config {stage.config} not found; run the command from the project's top folder."
            )
    memory = root / "stages.json"
    finished = read_json(memory) if memory.exists() else {}
    fresh = True
    for number, stage in enumerate(stages, 1):
        heading = f"[{number}/{len(stages)}] {stage.name}"
        known = finished.get(stage.name, {})
        # The last stage is always run: it takes seconds and prints the tables that a run should end
        # with.
        last = stage is stages[-1]
        if last:
            _print_costs(finished)
        fresh = fresh and known.get("fingerprint") == stage.fingerprint() and stage.output.exists()
        if fresh and not last:
            print(f"{heading}: already done ({known['seconds']} s)", flush=True)
            continue
        print(f"\n{heading}", flush=True)
        finished = {
            name: row
            for name, row in finished.items()
            if name in {s.name for s in stages[: number - 1]}
        }
        finished[stage.name] = {"fingerprint": stage.fingerprint(), **run_stage(stage)}
        write_json(memory, finished)


def _print_costs(finished: dict[str, dict]) -> None:
    """Prints wall time and peak memory by stage."""
    print(f"\n{'stage':<24}{'seconds':>9}{'peak MB':>9}")
    for name, row in finished.items():
        print(f"{name:<24}{row['seconds']:>9.1f}{row['peak_megabytes']:>9.0f}")
    print(
        f"{'all':<24}{sum(row['seconds'] for row in finished.values()):>9.1f}"
        f"{max(row['peak_megabytes'] for row in finished.values()):>9.0f}"
    )


def define_flags() -> None:
    """Defines the flags of the command; they do not exist when the module is only imported."""
    flags.DEFINE_string("output", "quickstart_output", "Folder for everything the stages make.")
    flags.DEFINE_string("action_config", "configs/sample_action.py", "Config of the action stream.")
    flags.DEFINE_string(
        "boundary_config", "configs/sample_boundary.py", "Config of the boundary stream."
    )
    flags.DEFINE_string("gtad_config", "configs/sample_gtad.py", "Config of the localization head.")
    flags.DEFINE_integer(
        "workers", os.cpu_count() or 1, "Processes for rendering and conversion.", lower_bound=1
    )


def main(argv: Sequence[str]) -> None:
    """Runs the stages that the flags describe."""
    del argv
    root = Path(FLAGS.output)
    quickstart(
        root,
        plan_stages(
            root, FLAGS.action_config, FLAGS.boundary_config, FLAGS.gtad_config, FLAGS.workers
        ),
    )


def run() -> None:
    """Starts the command with the flags of the command line."""
    run_command(main, define_flags)


if __name__ == "__main__":
    run()
