"""The stages of the quickstart: their commands, outputs and configs."""

import dataclasses
import hashlib
from pathlib import Path

import bsp_tf

# The best epochs are chosen on validation videos, the results are those of other videos.
REPORTED_SUBSET = "testing"
# Module -> seconds of one such stage of the quickstart on 2 cores with AVX-512.
USUAL_SECONDS = {
    "tfrecords_tools.make_sample": 50,
    "tfrecords_tools.convert": 4,
    "bsp_tf.preview": 9,
    "bsp_tf.pretrain": 105,
    "bsp_tf.export": 7,
    "bsp_tf.extract": 70,
    "bsp_tf.train_gtad": 28,
    "bsp_tf.detect": 6,
    "bsp_tf.evaluate": 1,
    "bsp_tf.report": 8,
}


@dataclasses.dataclass(frozen=True)
class Stage:
    """One command of the data flow.

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

    @property
    def usual_seconds(self) -> float:
        """What it takes on the machine of the documentation; 0 for other commands."""
        return USUAL_SECONDS.get(self.module, 0)

    def fingerprint(self) -> str:
        """SHA-256 of the command line and of the config's text: if equal, the result is reused."""
        digest = hashlib.sha256("\0".join((self.module, *self.arguments)).encode())
        if self.config:
            digest.update(Path(self.config).read_bytes())
        return digest.hexdigest()


def shipped_config(name: str) -> str:
    """Path of a config that comes with the project, relative if it lies under the working folder.

    A checkout and an installation both have `configs` beside `bsp_tf`. It is not looked for by its
    name as a package: the working folder may hold another one.
    """
    path = Path(bsp_tf.__file__).resolve().parents[1] / "configs" / name
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def plan_stages(
    root: Path, action_config: str, boundary_config: str, gtad_config: str, workers: int
) -> list[Stage]:
    """The stages in the order of the data flow.

    Args:
        root: Folder of all outputs.
        action_config, boundary_config, gtad_config: Paths of the training configs.
        workers: Processes for rendering and conversion.
    """
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
                "--stride=4",
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
                    f"--subset={REPORTED_SUBSET}",
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
                    f"--subset={REPORTED_SUBSET}",
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
            (
                f"--root={root}",
                f"--output={root / 'report'}",
                f"--subset={REPORTED_SUBSET}",
            ),
            root / "report" / "index.html",
        )
    )
    return stages
